// The evaluation of one AdmissionReview.

package admission

import (
	"context"
	"encoding/json"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apiserver/pkg/admission"
	webhookrequest "k8s.io/apiserver/pkg/admission/plugin/webhook/request"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/klog/v2"

	"k8s-wasm/apiserver/engine"
)

// evaluate returns the response of the policies if they allow the request, and otherwise the error
// for the client.
func (p *Plugin) evaluate(ctx context.Context, plane engine.Plane, attributes *admission.VersionedAttributes, invocation invocation) (*webhookrequest.AdmissionResponse, error) {
	uid := uuid.NewUUID()
	request := webhookrequest.CreateV1AdmissionReview(uid, attributes, invocation.WebhookInvocation)
	review, err := p.review(ctx, plane, request, invocation.alreadyEvaluated)
	if err != nil {
		return nil, noDecision(ctx, err)
	}
	response, err := verify(uid, plane, review)
	if err != nil {
		return nil, noDecision(ctx, err)
	}
	notify(ctx, plane, attributes.Attributes, response)
	if !response.Allowed {
		return nil, rejection(response.Result)
	}
	return response, nil
}

func (p *Plugin) review(ctx context.Context, plane engine.Plane, review *admissionv1.AdmissionReview, alreadyEvaluated []engine.Request) ([]byte, error) {
	review.SetGroupVersionKind(admissionv1.SchemeGroupVersion.WithKind("AdmissionReview"))
	request, err := json.Marshal(review)
	if err != nil {
		return nil, err
	}
	return p.host.Evaluate(ctx, plane, request, alreadyEvaluated...)
}

// verify parses a review and checks it by the rules for webhooks. The library follows them; a patch
// from a validating policy would be an error here.
func verify(uid types.UID, plane engine.Plane, response []byte) (*webhookrequest.AdmissionResponse, error) {
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(response, &review); err != nil {
		return nil, err
	}
	return webhookrequest.VerifyAdmissionResponse(uid, plane == engine.Mutation, &review)
}

// notify passes warnings on to the user and annotations to the audit log. The key of an annotation
// is `<policy>.<key>`, prefixed with the name of the webhook that `k8s-wasm manifests` would
// create.
func notify(ctx context.Context, plane engine.Plane, attributes admission.Attributes, response *webhookrequest.AdmissionResponse) {
	for _, text := range response.Warnings {
		warning.AddWarning(ctx, "", text)
	}
	prefix := "validate.k8s-wasm.io/"
	if plane == engine.Mutation {
		prefix = "mutate.k8s-wasm.io/"
	}
	for name, value := range response.AuditAnnotations {
		if err := attributes.AddAnnotation(prefix+name, value); err != nil {
			klog.ErrorS(err, "Failed to annotate the audit event", "key", prefix+name)
		}
	}
}
