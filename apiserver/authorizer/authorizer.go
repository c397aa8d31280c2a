// Package authorizer has the policies say what a user may do, in the API server's terms.
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

// Authorizer asks the policies of authorization. It stands where an authorization webhook would, by the same rules.
type Authorizer struct {
	host *engine.Host
}

var (
	_ authorizer.Authorizer   = (*Authorizer)(nil)
	_ authorizer.RuleResolver = (*Authorizer)(nil)
)

// New makes an authorizer and rule resolver.
func New(host *engine.Host) *Authorizer {
	return &Authorizer{host: host}
}

// Authorize implements authorizer.Authorizer. A policy that fails has no opinion, so that the other authorizers are
// asked; when none of them allows the request, the error makes it fail instead of being forbidden. When there is a policy that
// denies what it cannot decide, every failure denies.
func (a *Authorizer) Authorize(ctx context.Context, attributes authorizer.Attributes) (authorizer.Decision, string, error) {
	if keepsClusterAlive(attributes.GetUser()) {
		return authorizer.DecisionNoOpinion, "", nil
	}
	status, err := a.review(ctx, attributes)
	if err != nil {
		err = fmt.Errorf("failed asking the WASM authorizer: %w", err)
		if a.host.Vetoes() {
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

// keepsClusterAlive is true of those whom the stock modes alone decide about, as by the webhook that `k8s-wasm manifests` sets
// up: a cluster whose nodes and controllers depend on a policy that they are needed to run does not come up again.
func keepsClusterAlive(who user.Info) bool {
	if who == nil {
		return false
	}
	switch who.GetName() {
	case user.APIServerUser, user.KubeControllerManager, user.KubeScheduler, user.KubeProxy:
		return true
	}
	groups := who.GetGroups()
	return slices.Contains(groups, user.NodesGroup) || slices.Contains(groups, systemServiceAccounts)
}

// systemServiceAccounts is the group of the service accounts in the namespace kube-system.
const systemServiceAccounts = serviceaccount.ServiceAccountGroupPrefix + metav1.NamespaceSystem

// RulesFor implements authorizer.RuleResolver. A program can be asked about a request, not for all that it would allow.
func (a *Authorizer) RulesFor(context.Context, user.Info, string) ([]authorizer.ResourceRuleInfo, []authorizer.NonResourceRuleInfo, bool, error) {
	const incomplete = true
	return nil, nil, incomplete, errors.New("WASM authorizer does not support user rule resolution")
}

func (a *Authorizer) review(ctx context.Context, attributes authorizer.Attributes) (authorizationv1.SubjectAccessReviewStatus, error) {
	question, err := json.Marshal(newReview(attributes))
	if err != nil {
		return authorizationv1.SubjectAccessReviewStatus{}, err
	}
	answer, err := a.host.Ask(ctx, engine.Authorization, question)
	if err != nil {
		return authorizationv1.SubjectAccessReviewStatus{}, err
	}
	var answered authorizationv1.SubjectAccessReview
	err = json.Unmarshal(answer, &answered)
	return answered.Status, err
}
