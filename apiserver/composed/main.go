// Command kube-apiserver is the Kubernetes API server with the engine of k8s-wasm inside.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"

	"k8s-wasm/apiserver/compose"
)

func main() {
	os.Exit(cli.Run(compose.NewCommand()))
}
