// The forms in which a request is shown to policies: one object may be the same in several API versions.

package admission

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/generic"

	"k8s-wasm/apiserver/engine"
)

// form is a request as one resource, in one version.
type form struct {
	*generic.WebhookInvocation
	// before are the forms that policies were asked about already. Each policy is asked about the first that its rules match.
	before []engine.Request
}

// forms are those that some policy of the plane has rules for: the request as it was sent, then as what it is in other
// groups and versions. As with `matchPolicy: Equivalent` of webhooks, no policy is got around by another version.
func (p *Plugin) forms(plane engine.Plane, attributes admission.Attributes, objects admission.ObjectInterfaces) ([]form, error) {
	var forms []form
	var asked []engine.Request
	add := func(wanted engine.Request, resource schema.GroupVersionResource, kind schema.GroupVersionKind) {
		invocation := &generic.WebhookInvocation{Resource: resource, Subresource: wanted.Subresource, Kind: kind}
		forms = append(forms, form{WebhookInvocation: invocation, before: slices.Clone(asked)})
		asked = append(asked, wanted)
	}
	sent, subresource := attributes.GetResource(), attributes.GetSubresource()
	if wanted := request(attributes, sent); p.host.Asks(plane, wanted) {
		add(wanted, sent, attributes.GetKind())
	}
	mapper := objects.GetEquivalentResourceMapper()
	for _, equivalent := range mapper.EquivalentResourcesFor(sent, subresource) {
		wanted := request(attributes, equivalent)
		if equivalent == sent || !p.host.Asks(plane, wanted) {
			continue
		}
		kind := mapper.KindFor(equivalent, subresource)
		if kind.Empty() {
			return nil, internal(fmt.Errorf("unable to convert to %v: unknown kind", equivalent))
		}
		add(wanted, equivalent, kind)
	}
	return forms, nil
}

// request is what the rules look at.
func request(attributes admission.Attributes, resource schema.GroupVersionResource) engine.Request {
	return engine.Request{
		Operation:   string(attributes.GetOperation()),
		Group:       resource.Group,
		Version:     resource.Version,
		Resource:    resource.Resource,
		Subresource: attributes.GetSubresource(),
		Namespaced:  attributes.GetNamespace() != metav1.NamespaceNone,
	}
}
