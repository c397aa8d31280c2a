// The planes on which policies decide. Each has a host of its own, so that none can starve another.

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

// planes contains the open hosts.
type planes struct {
	options *options.Options
	// hosts is keyed by the name of the plane.
	hosts map[string]*engine.Host
}

// newPlanes registers the admission plugin, which must happen before the flags are created.
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

// insert adds our authenticator and our authorizer to the configuration that all servers share.
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

// open loads a configuration file and reloads it when it changes, until the context ends.
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
		return nil, fmt.Errorf("failed to load the WASM policies for %s: %w", plane, err)
	}
	p.hosts[plane] = host
	klog.InfoS("Loaded WASM policies", "plane", plane, "file", file, "engine", engine.Version())
	follow(ctx, plane, host)
	return host, nil
}

func (p *planes) close() {
	for _, host := range p.hosts {
		host.Close()
	}
}
