// One question to the policies of admission, and what comes of the answer.

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

// ask returns what the policies have to say when they let the request pass; otherwise the error for the client.
func (p *Plugin) ask(ctx context.Context, plane engine.Plane, attributes *admission.VersionedAttributes, form form) (*webhookrequest.AdmissionResponse, error) {
	uid := uuid.NewUUID()
	answer, err := p.review(ctx, plane, webhookrequest.CreateV1AdmissionReview(uid, attributes, form.WebhookInvocation), form.before)
	if err != nil {
		return nil, undecided(ctx, err)
	}
	response, err := verify(uid, plane, answer)
	if err != nil {
		return nil, undecided(ctx, err)
	}
	notify(ctx, plane, attributes.Attributes, response)
	if !response.Allowed {
		return nil, rejection(response.Result)
	}
	return response, nil
}

func (p *Plugin) review(ctx context.Context, plane engine.Plane, review *admissionv1.AdmissionReview, before []engine.Request) ([]byte, error) {
	review.SetGroupVersionKind(admissionv1.SchemeGroupVersion.WithKind("AdmissionReview"))
	question, err := json.Marshal(review)
	if err != nil {
		return nil, err
	}
	return p.host.Ask(ctx, plane, question, before...)
}

// verify reads an answer and holds it to the rules that webhooks are held to. The library keeps them; a patch of a
// validator would be an error here.
func verify(uid types.UID, plane engine.Plane, answer []byte) (*webhookrequest.AdmissionResponse, error) {
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(answer, &review); err != nil {
		return nil, err
	}
	return webhookrequest.VerifyAdmissionResponse(uid, plane == engine.Mutation, &review)
}

// notify passes warnings on to the user and annotations to the audit log. Their keys are `<policy>.<key>`,
// with the names of the webhooks of `k8s-wasm manifests` before it.
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
