// The planes that modules decide on: each has a host of its own, so that none can starve another.

package compose

import (
	"context"
	"fmt"

	genericapiserver "k8s.io/apiserver/pkg/server"
	clientgoinformers "k8s.io/client-go/informers"
	"k8s.io/klog/v2"

	"k8s-wasm/apiserver/admission"
	"k8s-wasm/apiserver/engine"
	"k8s-wasm/apiserver/options"
)

// planes opens hosts and closes them in the end.
type planes struct {
	options *options.Options
	// By the name of the plane.
	hosts map[string]*engine.Host
}

// newPlanes makes the admission plugin known, which has to happen before the flags are made.
func newPlanes(ctx context.Context, opts *options.Options) *planes {
	planes := &planes{options: opts, hosts: map[string]*engine.Host{}}
	admission.Register(opts.Admission.GenericAdmission, func() (*engine.Host, error) {
		file, err := opts.AdmissionConfigFile()
		if err != nil {
			return nil, err
		}
		return planes.open(ctx, "admission", engine.AdmissionConfiguration, file)
	})
	return planes
}

// insert puts our authenticator and our authorizer into the configuration that all servers are made of.
func (p *planes) insert(ctx context.Context, opts options.Completed, config *genericapiserver.Config, informers clientgoinformers.SharedInformerFactory) error {
	if file := opts.WASM.AuthenticationConfigFile; file != "" {
		host, err := p.open(ctx, "authentication", engine.Authenticators, file)
		if err != nil {
			return err
		}
		addAuthenticator(config, host, opts.WASM.AuthenticationCacheTTL)
	}
	if file := opts.WASM.AuthorizationConfigFile; file != "" {
		host, err := p.open(ctx, "authorization", engine.Authorizers, file)
		if err != nil {
			return err
		}
		return addAuthorizer(config, host, opts, informers)
	}
	return nil
}

// open loads a file and follows its changes until the context ends.
func (p *planes) open(ctx context.Context, plane string, format engine.Format, file string) (*engine.Host, error) {
	host, err := engine.Open(
		engine.Source{Format: format, Path: file},
		engine.Options{
			CodeCache:  p.options.WASM.CodeCacheDir,
			Kubeconfig: p.options.WASM.Kubeconfig,
			Log:        logger(plane),
			LogLevel:   logLevel(),
		},
	)
	if err != nil {
		return nil, fmt.Errorf("failed to load the WASM modules for %s: %w", plane, err)
	}
	p.hosts[plane] = host
	klog.InfoS("Loaded WASM modules", "plane", plane, "file", file, "engine", engine.Version())
	follow(ctx, plane, host)
	return host, nil
}

func (p *planes) close() {
	for _, host := range p.hosts {
		host.Close()
	}
}
