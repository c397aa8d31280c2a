// Package compose assembles the API server from its published packages, with our policies in it.
//
// command.go and config.go follow k8s.io/kubernetes/cmd/kube-apiserver/app line by line, so that
// they can be compared; the tests of package upstream fail when that code changes.
package compose

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/flagz"
	"k8s.io/client-go/rest"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/cli/globalflag"
	basecompatibility "k8s.io/component-base/compatibility"
	"k8s.io/component-base/featuregate"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
	_ "k8s.io/component-base/metrics/prometheus/workqueue"
	"k8s.io/component-base/term"
	"k8s.io/component-base/version/verflag"

	"k8s-wasm/apiserver/options"
)

// NewCommand creates the command kube-apiserver with the stock flags and ours.
func NewCommand() *cobra.Command {
	opts := options.New()
	ctx := genericapiserver.SetupSignalContext()
	planes := newPlanes(ctx, opts)

	command := &cobra.Command{
		Use: "kube-apiserver",
		Long: `The Kubernetes API server validates and configures data for the api objects,
with WebAssembly modules that authenticate, authorize and admit.`,
		SilenceUsage: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if err := opts.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
				return err
			}
			// The API server ignores warnings about its own requests.
			rest.SetDefaultWarningHandler(rest.NoWarnings{})
			return nil
		},
		RunE: func(command *cobra.Command, _ []string) error {
			return run(ctx, command, opts, planes)
		},
		Args: func(command *cobra.Command, args []string) error {
			for _, arg := range args {
				if arg != "" {
					return fmt.Errorf("%q does not take any arguments, got %q", command.CommandPath(), args)
				}
			}
			return nil
		},
	}
	command.SetContext(ctx)
	addFlags(command, opts)
	return command
}

func addFlags(command *cobra.Command, opts *options.Options) {
	sets := opts.Flags()
	opts.Flagz = flagz.NamedFlagSetsReader{FlagSets: sets}
	verflag.AddFlags(sets.FlagSet("global"))
	globalflag.AddGlobalFlags(sets.FlagSet("global"), command.Name(), logs.SkipLoggingConfigurationFlags())
	for _, set := range sets.FlagSets {
		command.Flags().AddFlagSet(set)
	}
	columns, _, _ := term.TerminalSize(command.OutOrStdout())
	cliflag.SetUsageAndHelpFunc(command, sets, columns)
}

func run(ctx context.Context, command *cobra.Command, opts *options.Options, planes *planes) error {
	verflag.PrintAndExitIfRequested()
	registry := opts.GenericServerRunOptions.ComponentGlobalsRegistry
	features := registry.FeatureGateFor(basecompatibility.DefaultKubeComponent)
	// Logging is configured first, so that the flags are logged with it.
	if err := logsapi.ValidateAndApply(opts.Logs, features); err != nil {
		return err
	}
	cliflag.PrintFlags(command.Flags())
	completed, err := opts.Complete(ctx)
	if err != nil {
		return err
	}
	features.(featuregate.MutableFeatureGate).AddMetrics()
	registry.AddMetrics()
	return serve(ctx, completed, planes)
}
