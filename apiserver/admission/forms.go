// The forms in which a request is shown to policies: one object may be the same in several API versions.

package admission

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/generic"

	"k8s-wasm/apiserver/engine"
)

// forms are those that some policy of the plane has rules for: the request as it was sent, then as what it is in other
// groups and versions. As with `matchPolicy: Equivalent` of webhooks, no policy is got around by another version.
func (p *Plugin) forms(plane engine.Plane, attributes admission.Attributes, objects admission.ObjectInterfaces) ([]*generic.WebhookInvocation, error) {
	var forms []*generic.WebhookInvocation
	sent, subresource := attributes.GetResource(), attributes.GetSubresource()
	if p.host.Asks(plane, request(attributes, sent)) {
		forms = append(forms, &generic.WebhookInvocation{
			Resource: sent, Subresource: subresource, Kind: attributes.GetKind(),
		})
	}
	mapper := objects.GetEquivalentResourceMapper()
	for _, equivalent := range mapper.EquivalentResourcesFor(sent, subresource) {
		if equivalent == sent || !p.host.Asks(plane, request(attributes, equivalent)) {
			continue
		}
		kind := mapper.KindFor(equivalent, subresource)
		if kind.Empty() {
			return nil, internal(fmt.Errorf("unable to convert to %v: unknown kind", equivalent))
		}
		forms = append(forms, &generic.WebhookInvocation{
			Resource: equivalent, Subresource: subresource, Kind: kind,
		})
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
