// Package admission is the admission plugin WASM: policies that change objects and policies that refuse them.
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

// PluginName is the name in --enable-admission-plugins and in the AdmissionConfiguration.
const PluginName = "WASM"

// Plugin asks the policies of admission. It stands where admission webhooks would, by the same rules.
type Plugin struct {
	*admission.Handler
	host *engine.Host
}

var (
	_ admission.MutationInterface   = (*Plugin)(nil)
	_ admission.ValidationInterface = (*Plugin)(nil)
)

// Register makes the plugin known to an API server, which turns it on when told to and then opens its host.
//
// It comes before the webhooks, so that those see what is stored in the end, as far as we have a say.
func Register(options *genericoptions.AdmissionOptions, open func() (*engine.Host, error)) {
	// The configuration that is passed here is not used: the host reads the file itself, which is what makes reloading
	// and errors with line numbers possible.
	options.Plugins.Register(PluginName, func(io.Reader) (admission.Interface, error) {
		host, err := open()
		if err != nil {
			return nil, err
		}
		return New(host), nil
	})
	order := slices.Clone(options.RecommendedPluginOrder)
	place := max(slices.Index(order, mutatingwebhook.PluginName), 0)
	options.RecommendedPluginOrder = slices.Insert(order, place, PluginName)
	options.DefaultOffPlugins.Insert(PluginName)
}

// New makes the plugin.
func New(host *engine.Host) *Plugin {
	handler := admission.NewHandler(admission.Create, admission.Update, admission.Delete, admission.Connect)
	return &Plugin{Handler: handler, host: host}
}

// Validate implements admission.ValidationInterface.
func (p *Plugin) Validate(ctx context.Context, attributes admission.Attributes, objects admission.ObjectInterfaces) error {
	forms, err := p.forms(engine.Validation, attributes, objects)
	if err != nil {
		return err
	}
	for _, form := range forms {
		versioned, err := admission.NewVersionedAttributes(attributes, form.Kind, objects)
		if err != nil {
			return internal(err)
		}
		if _, err := p.ask(ctx, engine.Validation, versioned, form); err != nil {
			return err
		}
	}
	return nil
}
