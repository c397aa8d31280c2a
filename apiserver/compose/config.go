// The configuration of the API server: that of the stock one, with one insertion.

package compose

import (
	"context"
	"os"

	apiextensionsapiserver "k8s.io/apiextensions-apiserver/pkg/apiserver"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/util/webhook"
	utilversion "k8s.io/component-base/version"
	"k8s.io/klog/v2"
	aggregatorscheme "k8s.io/kube-aggregator/pkg/apiserver/scheme"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/controlplane"
	controlplaneapiserver "k8s.io/kubernetes/pkg/controlplane/apiserver"
	generatedopenapi "k8s.io/kubernetes/pkg/generated/openapi"

	"k8s-wasm/apiserver/options"
)

// serve corresponds to app.Run: it returns after the server has shut down.
func serve(ctx context.Context, opts options.Completed, planes *planes) error {
	klog.Infof("Version: %+v", utilversion.Get())
	klog.InfoS("Golang settings", "GOGC", os.Getenv("GOGC"), "GOMAXPROCS", os.Getenv("GOMAXPROCS"), "GOTRACEBACK", os.Getenv("GOTRACEBACK"))

	defer planes.close()
	config, err := newConfig(ctx, opts, planes)
	if err != nil {
		return err
	}
	completed, err := config.Complete()
	if err != nil {
		return err
	}
	server, err := app.CreateServerChain(completed)
	if err != nil {
		return err
	}
	planes.report(server.GenericAPIServer.Handler.NonGoRestfulMux)
	prepared, err := server.PrepareRun()
	if err != nil {
		return err
	}
	return prepared.Run(ctx)
}

// newConfig corresponds to app.NewConfig. It inserts our planes before the generic configuration is
// copied: the servers copy it by value, and the initializers of admission plugins keep the
// authorizer.
func newConfig(ctx context.Context, opts options.Completed, planes *planes) (*app.Config, error) {
	config := &app.Config{Options: opts.Stock}
	controlPlane := opts.Stock.CompletedOptions

	buildFirst(opts)
	genericConfig, versionedInformers, storageFactory, err := controlplaneapiserver.BuildGenericConfig(
		controlPlane,
		[]*runtime.Scheme{legacyscheme.Scheme, apiextensionsapiserver.Scheme, aggregatorscheme.Scheme},
		controlplane.DefaultAPIResourceConfigSource(),
		generatedopenapi.GetOpenAPIDefinitions,
	)
	if err != nil {
		return nil, err
	}
	if err := planes.insert(ctx, opts, genericConfig, versionedInformers); err != nil {
		return nil, err
	}

	kubeAPIs, serviceResolver, pluginInitializer, err := app.CreateKubeAPIServerConfig(opts.Stock, genericConfig, versionedInformers, storageFactory)
	if err != nil {
		return nil, err
	}
	config.KubeAPIs = kubeAPIs

	generic, informers := kubeAPIs.ControlPlane.Generic, kubeAPIs.ControlPlane.VersionedInformers
	authInfo := webhook.NewDefaultAuthenticationInfoResolverWrapper(kubeAPIs.ControlPlane.ProxyTransport, generic.EgressSelector, generic.LoopbackClientConfig, generic.TracerProvider)
	config.ApiExtensions, err = controlplaneapiserver.CreateAPIExtensionsConfig(*generic, informers, pluginInitializer, controlPlane, opts.Stock.MasterCount, serviceResolver, authInfo)
	if err != nil {
		return nil, err
	}
	config.Aggregator, err = controlplaneapiserver.CreateAggregatorConfig(*generic, controlPlane, informers, serviceResolver, kubeAPIs.ControlPlane.ProxyTransport, kubeAPIs.ControlPlane.Extra.PeerProxy, pluginInitializer)
	if err != nil {
		return nil, err
	}
	return config, nil
}
