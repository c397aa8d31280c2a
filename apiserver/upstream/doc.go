// Package upstream watches the functions of Kubernetes that we lean on.
//
// k8s.io/kubernetes promises nothing about its Go API. A changed signature is an error of the compiler; functions.txt
// names those whose meaning matters besides, because we call them, follow them step by step, or stand in for them. The
// test of this package fails when a release of Kubernetes changes one.
package upstream
