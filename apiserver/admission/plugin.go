// Package admission contains the admission plugin WASM, which mutates and validates objects with
// policies.
package admission

import (
	"context"
	"io"
	"slices"

	"k8s.io/apiserver/pkg/admission"
	mutatingwebhook "k8s.io/apiserver/pkg/admission/plugin/webhook/mutating"
	genericoptions "k8s.io/apiserver/pkg/server/options"

	"k8s-wasm/apiserver/engine"
)

// PluginName is the name of the plugin in --enable-admission-plugins and in the
// AdmissionConfiguration.
const PluginName = "WASM"

// Plugin evaluates admission policies in process, by the rules for admission webhooks.
type Plugin struct {
	*admission.Handler
	host *engine.Host
}

var (
	_ admission.MutationInterface   = (*Plugin)(nil)
	_ admission.ValidationInterface = (*Plugin)(nil)
)

// Register adds the plugin to the options of an API server. The plugin is off by default; an API
// server that enables it opens its host.
//
// The plugin comes before the webhooks, so that they see the mutated object.
func Register(options *genericoptions.AdmissionOptions, open func() (*engine.Host, error)) {
	// The configuration that is passed here is not used: the host reads the file itself, so that it
	// can reload it and report line numbers.
	options.Plugins.Register(PluginName, func(io.Reader) (admission.Interface, error) {
		host, err := open()
		if err != nil {
			return nil, err
		}
		return New(host), nil
	})
	order := slices.Clone(options.RecommendedPluginOrder)
	position := max(slices.Index(order, mutatingwebhook.PluginName), 0)
	options.RecommendedPluginOrder = slices.Insert(order, position, PluginName)
	options.DefaultOffPlugins.Insert(PluginName)
}

// New creates the plugin.
func New(host *engine.Host) *Plugin {
	handler := admission.NewHandler(admission.Create, admission.Update, admission.Delete, admission.Connect)
	return &Plugin{Handler: handler, host: host}
}

// Validate implements admission.ValidationInterface.
func (p *Plugin) Validate(ctx context.Context, attributes admission.Attributes, objects admission.ObjectInterfaces) error {
	invocations, err := p.invocations(engine.Validation, attributes, objects)
	if err != nil {
		return err
	}
	for _, invocation := range invocations {
		versioned, err := admission.NewVersionedAttributes(attributes, invocation.Kind, objects)
		if err != nil {
			return internal(err)
		}
		if _, err := p.evaluate(ctx, engine.Validation, versioned, invocation); err != nil {
			return err
		}
	}
	return nil
}
