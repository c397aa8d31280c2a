// Policies among the stock authorizers: between the modes before and after WASM in
// --authorization-mode.

package compose

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/authentication/user"
	k8sauthorizer "k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/apiserver/pkg/authorization/metrics"
	"k8s.io/apiserver/pkg/authorization/union"
	genericapiserver "k8s.io/apiserver/pkg/server"
	clientgoinformers "k8s.io/client-go/informers"
	controlplaneapiserver "k8s.io/kubernetes/pkg/controlplane/apiserver"
	rbacrest "k8s.io/kubernetes/pkg/registry/rbac/rest"

	"k8s-wasm/apiserver/authorizer"
	"k8s-wasm/apiserver/engine"
	"k8s-wasm/apiserver/options"
)

// buildFirst selects the modes that BuildGenericConfig builds: those before ours, or those after if
// there are none before. No authorizer is built twice, since some watch the cluster.
func buildFirst(opts options.Completed) {
	if opts.Modes.Ours && len(opts.Modes.Before) > 0 {
		opts.Stock.Authorization.Modes = opts.Modes.Before
	}
}

// addAuthorizer adds our authorizer before or after the one that was built first, or between it and
// the rest.
func addAuthorizer(config *genericapiserver.Config, host *engine.Host, opts options.Completed, informers clientgoinformers.SharedInformerFactory) error {
	policies := authorizer.New(host)
	// Members of system:masters, and the API server's own client, never depend on a policy.
	pieces := []k8sauthorizer.Authorizer{authorizerfactory.NewPrivilegedGroups(user.SystemPrivilegedGroup)}
	ours := metrics.InstrumentedAuthorizer(options.ModeWASM, "wasm", policies)
	first, rules := config.Authorization.Authorizer, []k8sauthorizer.RuleResolver{config.RuleResolver, policies}
	before, after := len(opts.Modes.Before) > 0, len(opts.Modes.After) > 0
	switch {
	case before && after:
		rest, restRules, err := buildRest(config, opts, informers)
		if err != nil {
			return err
		}
		pieces, rules = append(pieces, first, ours, rest), append(rules, restRules)
	case before:
		pieces = append(pieces, first, ours)
	case after:
		pieces = append(pieces, ours, first)
	default:
		// The authorizer that was built is the placeholder for the mode that the stock server
		// requires.
		pieces, rules = append(pieces, ours), rules[1:]
	}
	config.Authorization.Authorizer = union.New(pieces...)
	config.RuleResolver = union.NewRuleResolvers(rules...)
	return nil
}

// buildRest builds the authorizers of the modes after ours.
func buildRest(config *genericapiserver.Config, opts options.Completed, informers clientgoinformers.SharedInformerFactory) (k8sauthorizer.Authorizer, k8sauthorizer.RuleResolver, error) {
	opts.Stock.Authorization.Modes = opts.Modes.After
	ctx := wait.ContextForChannel(config.DrainedNotify())
	rest, rules, enablesRBAC, err := controlplaneapiserver.BuildAuthorizer(ctx, opts.Stock.CompletedOptions, config.EgressSelector, config.APIServerID, informers)
	if err != nil {
		return nil, nil, fmt.Errorf("invalid authorization config: %w", err)
	}
	if enablesRBAC {
		// The hook that creates the default roles. It was disabled because RBAC was not built
		// first.
		config.DisabledPostStartHooks.Delete(rbacrest.PostStartHookName)
	}
	return rest, rules, nil
}
