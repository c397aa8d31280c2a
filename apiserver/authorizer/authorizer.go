// Package authorizer implements the API server's authorizer with policies.
package authorizer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"k8s-wasm/apiserver/engine"
)

// Authorizer authorizes requests with policies in process, by the rules for the authorization
// webhook.
type Authorizer struct {
	host *engine.Host
}

var (
	_ authorizer.Authorizer   = (*Authorizer)(nil)
	_ authorizer.RuleResolver = (*Authorizer)(nil)
)

// New creates an authorizer and rule resolver.
func New(host *engine.Host) *Authorizer {
	return &Authorizer{host: host}
}

// Authorize implements authorizer.Authorizer. A failed policy has no opinion, so that the other
// authorizers run; if none of them allows the request, the error makes it fail instead of being
// forbidden. If a policy has `failurePolicy: Deny`, every failure denies.
func (a *Authorizer) Authorize(ctx context.Context, attributes authorizer.Attributes) (authorizer.Decision, string, error) {
	if isClusterComponent(attributes.GetUser()) {
		return authorizer.DecisionNoOpinion, "", nil
	}
	status, err := a.review(ctx, attributes)
	if err != nil {
		err = fmt.Errorf("failed to evaluate the WASM authorizer: %w", err)
		if a.host.DeniesOnFailure() {
			return authorizer.DecisionDeny, err.Error(), nil
		}
		return authorizer.DecisionNoOpinion, "", err
	}
	switch {
	case status.Denied && status.Allowed:
		return authorizer.DecisionDeny, status.Reason, errors.New("the WASM authorizer both allows and denies")
	case status.Denied:
		return authorizer.DecisionDeny, status.Reason, nil
	case status.Allowed:
		return authorizer.DecisionAllow, status.Reason, nil
	default:
		return authorizer.DecisionNoOpinion, status.Reason, nil
	}
}

// isClusterComponent returns whether the user is one that only the stock modes authorize, as with
// the webhook that `k8s-wasm manifests` configures: a cluster whose nodes and controllers depend on
// a policy that they are needed to run does not start again.
func isClusterComponent(subject user.Info) bool {
	if subject == nil {
		return false
	}
	switch subject.GetName() {
	case user.APIServerUser, user.KubeControllerManager, user.KubeScheduler, user.KubeProxy:
		return true
	}
	groups := subject.GetGroups()
	return slices.Contains(groups, user.NodesGroup) || slices.Contains(groups, systemServiceAccounts)
}

// systemServiceAccounts is the group of the service accounts in the namespace kube-system.
const systemServiceAccounts = serviceaccount.ServiceAccountGroupPrefix + metav1.NamespaceSystem

// RulesFor implements authorizer.RuleResolver. A policy evaluates one request; it cannot list
// everything that it allows.
func (a *Authorizer) RulesFor(context.Context, user.Info, string) ([]authorizer.ResourceRuleInfo, []authorizer.NonResourceRuleInfo, bool, error) {
	const incomplete = true
	return nil, nil, incomplete, errors.New("WASM authorizer does not support user rule resolution")
}

func (a *Authorizer) review(ctx context.Context, attributes authorizer.Attributes) (authorizationv1.SubjectAccessReviewStatus, error) {
	request, err := json.Marshal(newReview(attributes))
	if err != nil {
		return authorizationv1.SubjectAccessReviewStatus{}, err
	}
	response, err := a.host.Evaluate(ctx, engine.Authorization, request)
	if err != nil {
		return authorizationv1.SubjectAccessReviewStatus{}, err
	}
	var evaluated authorizationv1.SubjectAccessReview
	err = json.Unmarshal(response, &evaluated)
	return evaluated.Status, err
}
