// Package options adds our flags to those of the stock API server.
package options

import (
	"context"
	"errors"
	"fmt"
	"time"

	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	cliflag "k8s.io/component-base/cli/flag"
	stock "k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

const (
	authenticationFlag = "authentication-wasm-config-file"
	cacheTTLFlag       = "authentication-wasm-cache-ttl"
	authorizationFlag  = "authorization-wasm-config-file"
	codeCacheFlag      = "wasm-code-cache-dir"
	kubeconfigFlag     = "wasm-kubeconfig"
	modeFlag           = "authorization-mode"
	admissionFlag      = "admission-control-config-file"
)

// WASM contains the values of our flags.
type WASM struct {
	// AuthenticationConfigFile lists the authentication policies; none if empty.
	AuthenticationConfigFile string
	// AuthenticationCacheTTL is the time for which a known or unknown token is cached.
	AuthenticationCacheTTL time.Duration
	// AuthorizationConfigFile lists the authorization policies.
	AuthorizationConfigFile string
	// CodeCacheDir is the directory for compiled modules; none if empty.
	CodeCacheDir string
	// Kubeconfig is the kubeconfig of the cluster that policies may query; empty for the default
	// locations.
	Kubeconfig string
}

// Options are the options of a stock API server and ours.
type Options struct {
	*stock.ServerRunOptions
	WASM WASM
}

// Completed are validated options.
type Completed struct {
	Stock stock.CompletedOptions
	WASM  WASM
	Modes Modes
}

// New returns the default options.
func New() *Options {
	return &Options{
		ServerRunOptions: stock.NewServerRunOptions(),
		// The default of --authentication-token-webhook-cache-ttl.
		WASM: WASM{AuthenticationCacheTTL: 2 * time.Minute},
	}
}

// Flags are the stock ones, with ours in the sections where the like are.
func (o *Options) Flags() cliflag.NamedFlagSets {
	sets := o.ServerRunOptions.Flags()
	authentication := sets.FlagSet("authentication")
	authentication.StringVar(&o.WASM.AuthenticationConfigFile, authenticationFlag, o.WASM.AuthenticationConfigFile,
		"File with the list of WebAssembly policies that authenticate bearer tokens which no other authenticator accepts.")
	authentication.DurationVar(&o.WASM.AuthenticationCacheTTL, cacheTTLFlag, o.WASM.AuthenticationCacheTTL,
		"The duration to cache responses from the WebAssembly token authenticator. 0 disables caching.")
	authorization := sets.FlagSet("authorization")
	authorization.StringVar(&o.WASM.AuthorizationConfigFile, authorizationFlag, o.WASM.AuthorizationConfigFile,
		"File with the list of WebAssembly policies that authorize requests, used with --"+modeFlag+"="+ModeWASM+".")
	if mode := authorization.Lookup(modeFlag); mode != nil {
		mode.Usage += " Also: " + ModeWASM + ", with --" + authorizationFlag + "."
	}
	sets.FlagSet("misc").StringVar(&o.WASM.CodeCacheDir, codeCacheFlag, o.WASM.CodeCacheDir,
		"Directory that keeps compiled WebAssembly modules for the next start. Only the API server may write to it. Disabled by default.")
	sets.FlagSet("misc").StringVar(&o.WASM.Kubeconfig, kubeconfigFlag, o.WASM.Kubeconfig,
		"Kubeconfig file for queries of WebAssembly policies that are granted access to this cluster. Read at the first query.")
	return sets
}

// Complete completes and validates the options. It reports all errors at once.
func (o *Options) Complete(ctx context.Context) (Completed, error) {
	modes, err := splitModes(o.Authorization.Modes)
	if err != nil {
		return Completed{}, err
	}
	ours := o.validate(modes)
	o.Authorization.Modes = modes.stock()
	completed, err := o.ServerRunOptions.Complete(ctx)
	if err != nil {
		return Completed{}, utilerrors.NewAggregate(append(ours, err))
	}
	if errs := append(ours, completed.Validate()...); len(errs) != 0 {
		return Completed{}, utilerrors.NewAggregate(errs)
	}
	return Completed{Stock: completed, WASM: o.WASM, Modes: modes}, nil
}

func (o *Options) validate(modes Modes) []error {
	var errs []error
	switch hasFile := o.WASM.AuthorizationConfigFile != ""; {
	case modes.Ours && !hasFile:
		errs = append(errs, fmt.Errorf("--%s contains %s, but --%s is not set", modeFlag, ModeWASM, authorizationFlag))
	case hasFile && !modes.Ours:
		errs = append(errs, fmt.Errorf("--%s is set, but --%s does not contain %s", authorizationFlag, modeFlag, ModeWASM))
	}
	if o.WASM.AuthenticationCacheTTL < 0 {
		errs = append(errs, fmt.Errorf("--%s must not be negative", cacheTTLFlag))
	}
	return errs
}

// AdmissionConfigFile returns the file that configures the plugin WASM.
func (o *Options) AdmissionConfigFile() (string, error) {
	file := o.Admission.GenericAdmission.ConfigFile
	if file == "" {
		return "", errors.New("--enable-admission-plugins contains WASM, but --" + admissionFlag + " is not set")
	}
	return file, nil
}
