// The SubjectAccessReview of a request, with the fields that the API server sends to an
// authorization webhook.

package authorizer

import (
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/features"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
)

func newReview(attributes authorizer.Attributes) *authorizationv1.SubjectAccessReview {
	review := &authorizationv1.SubjectAccessReview{}
	review.SetGroupVersionKind(authorizationv1.SchemeGroupVersion.WithKind("SubjectAccessReview"))
	if user := attributes.GetUser(); user != nil {
		review.Spec = authorizationv1.SubjectAccessReviewSpec{
			User:   user.GetName(),
			UID:    user.GetUID(),
			Groups: user.GetGroups(),
			Extra:  extra(user.GetExtra()),
		}
	}
	if attributes.IsResourceRequest() {
		review.Spec.ResourceAttributes = resource(attributes)
	} else {
		review.Spec.NonResourceAttributes = &authorizationv1.NonResourceAttributes{
			Path: attributes.GetPath(),
			Verb: attributes.GetVerb(),
		}
	}
	return review
}

func extra(from map[string][]string) map[string]authorizationv1.ExtraValue {
	if from == nil {
		return nil
	}
	to := make(map[string]authorizationv1.ExtraValue, len(from))
	for key, values := range from {
		to[key] = values
	}
	return to
}

func resource(attributes authorizer.Attributes) *authorizationv1.ResourceAttributes {
	resource := &authorizationv1.ResourceAttributes{
		Namespace:   attributes.GetNamespace(),
		Verb:        attributes.GetVerb(),
		Group:       attributes.GetAPIGroup(),
		Version:     attributes.GetAPIVersion(),
		Resource:    attributes.GetResource(),
		Subresource: attributes.GetSubresource(),
		Name:        attributes.GetName(),
	}
	if !utilfeature.DefaultFeatureGate.Enabled(features.AuthorizeWithSelectors) {
		return resource
	}
	// Selectors only narrow a request, so requirements that do not parse or are unknown here can be
	// omitted.
	if requirements, _ := attributes.GetFieldSelector(); len(requirements) > 0 {
		if known := fieldRequirements(requirements); len(known) > 0 {
			resource.FieldSelector = &authorizationv1.FieldSelectorAttributes{Requirements: known}
		}
	}
	if requirements, _ := attributes.GetLabelSelector(); len(requirements) > 0 {
		if known := labelRequirements(requirements); len(known) > 0 {
			resource.LabelSelector = &authorizationv1.LabelSelectorAttributes{Requirements: known}
		}
	}
	return resource
}

func fieldRequirements(from fields.Requirements) []metav1.FieldSelectorRequirement {
	operators := map[selection.Operator]metav1.FieldSelectorOperator{
		selection.Equals:       metav1.FieldSelectorOpIn,
		selection.DoubleEquals: metav1.FieldSelectorOpIn,
		selection.In:           metav1.FieldSelectorOpIn,
		selection.NotEquals:    metav1.FieldSelectorOpNotIn,
		selection.NotIn:        metav1.FieldSelectorOpNotIn,
	}
	var to []metav1.FieldSelectorRequirement
	for _, requirement := range from {
		if operator, known := operators[requirement.Operator]; known {
			to = append(to, metav1.FieldSelectorRequirement{
				Key: requirement.Field, Operator: operator, Values: []string{requirement.Value},
			})
		}
	}
	return to
}

func labelRequirements(from labels.Requirements) []metav1.LabelSelectorRequirement {
	operators := map[selection.Operator]metav1.LabelSelectorOperator{
		selection.Equals:       metav1.LabelSelectorOpIn,
		selection.DoubleEquals: metav1.LabelSelectorOpIn,
		selection.In:           metav1.LabelSelectorOpIn,
		selection.NotEquals:    metav1.LabelSelectorOpNotIn,
		selection.NotIn:        metav1.LabelSelectorOpNotIn,
		selection.Exists:       metav1.LabelSelectorOpExists,
		selection.DoesNotExist: metav1.LabelSelectorOpDoesNotExist,
	}
	var to []metav1.LabelSelectorRequirement
	for _, requirement := range from {
		if operator, known := operators[requirement.Operator()]; known {
			to = append(to, metav1.LabelSelectorRequirement{
				Key: requirement.Key(), Operator: operator, Values: requirement.ValuesUnsorted(),
			})
		}
	}
	return to
}
