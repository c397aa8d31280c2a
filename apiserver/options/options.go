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

// WASM is what our own flags say.
type WASM struct {
	// AuthenticationConfigFile lists the modules of authentication; none are asked when empty.
	AuthenticationConfigFile string
	// AuthenticationCacheTTL is how long an answer about a token is good, either way.
	AuthenticationCacheTTL time.Duration
	// AuthorizationConfigFile lists the modules of authorization.
	AuthorizationConfigFile string
	// CodeCacheDir is where compiled modules are kept; nowhere when empty.
	CodeCacheDir string
	// Kubeconfig is how modules reach the cluster that may ask it; the usual places when empty.
	Kubeconfig string
}

// Options are those of a stock API server and ours.
type Options struct {
	*stock.ServerRunOptions
	WASM WASM
}

// Completed are options that were validated.
type Completed struct {
	Stock stock.CompletedOptions
	WASM  WASM
	Modes Modes
}

// New returns the defaults.
func New() *Options {
	return &Options{
		ServerRunOptions: stock.NewServerRunOptions(),
		// As for --authentication-token-webhook-cache-ttl.
		WASM: WASM{AuthenticationCacheTTL: 2 * time.Minute},
	}
}

// Flags are the stock ones, with ours in the sections where the like are.
func (o *Options) Flags() cliflag.NamedFlagSets {
	sets := o.ServerRunOptions.Flags()
	authentication := sets.FlagSet("authentication")
	authentication.StringVar(&o.WASM.AuthenticationConfigFile, authenticationFlag, o.WASM.AuthenticationConfigFile,
		"File with the list of WebAssembly modules that authenticate bearer tokens which nothing else accepts.")
	authentication.DurationVar(&o.WASM.AuthenticationCacheTTL, cacheTTLFlag, o.WASM.AuthenticationCacheTTL,
		"The duration to cache responses from the WebAssembly token authenticator. 0 turns caching off.")
	authorization := sets.FlagSet("authorization")
	authorization.StringVar(&o.WASM.AuthorizationConfigFile, authorizationFlag, o.WASM.AuthorizationConfigFile,
		"File with the list of WebAssembly modules that authorize requests, used with --"+modeFlag+"="+ModeWASM+".")
	if mode := authorization.Lookup(modeFlag); mode != nil {
		mode.Usage += " Besides: " + ModeWASM + ", with --" + authorizationFlag + "."
	}
	sets.FlagSet("misc").StringVar(&o.WASM.CodeCacheDir, codeCacheFlag, o.WASM.CodeCacheDir,
		"Directory where compiled WebAssembly modules are kept for the next start. Only the API server may write to it. Off by default.")
	sets.FlagSet("misc").StringVar(&o.WASM.Kubeconfig, kubeconfigFlag, o.WASM.Kubeconfig,
		"File with the kubeconfig by which WebAssembly modules read from this cluster, those that are granted to. Read when one first asks.")
	return sets
}

// Complete fills in and validates everything, and reports all that is wrong at once.
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
		errs = append(errs, fmt.Errorf("--%s has %s, but --%s is not given", modeFlag, ModeWASM, authorizationFlag))
	case hasFile && !modes.Ours:
		errs = append(errs, fmt.Errorf("--%s is given, but --%s has no %s", authorizationFlag, modeFlag, ModeWASM))
	}
	if o.WASM.AuthenticationCacheTTL < 0 {
		errs = append(errs, fmt.Errorf("--%s must not be negative", cacheTTLFlag))
	}
	return errs
}

// AdmissionConfigFile is the file with the configuration of the plugin WASM.
func (o *Options) AdmissionConfigFile() (string, error) {
	file := o.Admission.GenericAdmission.ConfigFile
	if file == "" {
		return "", errors.New("--enable-admission-plugins has WASM, but --" + admissionFlag + " is not given")
	}
	return file, nil
}
