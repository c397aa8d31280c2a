// The API versions in which a request is evaluated: an object may be the same in several versions.

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

// invocation is a request as one resource in one version.
type invocation struct {
	*generic.WebhookInvocation
	// alreadyEvaluated are the requests of the previous invocations. Each policy evaluates only the
	// first invocation that its rules match.
	alreadyEvaluated []engine.Request
}

// invocations returns the versions of a request that some policy of the plane has rules for: first
// the version that was sent, then the equivalent ones in other groups and versions. As with
// `matchPolicy: Equivalent` of webhooks, a client cannot bypass a policy by using another version.
func (p *Plugin) invocations(plane engine.Plane, attributes admission.Attributes, objects admission.ObjectInterfaces) ([]invocation, error) {
	var invocations []invocation
	var requests []engine.Request
	add := func(request engine.Request, resource schema.GroupVersionResource, kind schema.GroupVersionKind) {
		webhook := &generic.WebhookInvocation{Resource: resource, Subresource: request.Subresource, Kind: kind}
		invocations = append(invocations, invocation{WebhookInvocation: webhook, alreadyEvaluated: slices.Clone(requests)})
		requests = append(requests, request)
	}
	sent, subresource := attributes.GetResource(), attributes.GetSubresource()
	if request := newRequest(attributes, sent); p.host.HasPolicyFor(plane, request) {
		add(request, sent, attributes.GetKind())
	}
	mapper := objects.GetEquivalentResourceMapper()
	for _, equivalent := range mapper.EquivalentResourcesFor(sent, subresource) {
		request := newRequest(attributes, equivalent)
		if equivalent == sent || !p.host.HasPolicyFor(plane, request) {
			continue
		}
		kind := mapper.KindFor(equivalent, subresource)
		if kind.Empty() {
			return nil, internal(fmt.Errorf("unable to convert to %v: unknown kind", equivalent))
		}
		add(request, equivalent, kind)
	}
	return invocations, nil
}

// newRequest returns the parts of a request that rules match, as a request for the resource.
func newRequest(attributes admission.Attributes, resource schema.GroupVersionResource) engine.Request {
	return engine.Request{
		Operation:   string(attributes.GetOperation()),
		Group:       resource.Group,
		Version:     resource.Version,
		Resource:    resource.Resource,
		Subresource: attributes.GetSubresource(),
		Namespaced:  attributes.GetNamespace() != metav1.NamespaceNone,
	}
}
