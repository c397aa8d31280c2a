// Tests of authorization with the real engine, and a comparison of the review with that of the
// stock webhook authorizer.

package authorizer

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	authorizationcel "k8s.io/apiserver/pkg/authorization/cel"
	"k8s.io/apiserver/plugin/pkg/authorizer/webhook"
	webhookmetrics "k8s.io/apiserver/plugin/pkg/authorizer/webhook/metrics"
	"k8s.io/client-go/rest"

	"k8s-wasm/apiserver/engine"
	"k8s-wasm/apiserver/engine/enginetest"
)

func jane() user.Info {
	return &user.DefaultInfo{Name: "jane", UID: "42", Groups: []string{"dev"}, Extra: map[string][]string{"k": {"v"}}}
}

func TestDecisions(t *testing.T) {
	for _, test := range []struct {
		steps    string
		decision authorizer.Decision
		reason   string
	}{
		{`[{answer: {status: {allowed: true, reason: fine}}}]`, authorizer.DecisionAllow, "fine"},
		{`[{answer: {status: {denied: true, reason: never}}}]`, authorizer.DecisionDeny, "never"},
		{`[{answer: {status: {allowed: false}}}]`, authorizer.DecisionNoOpinion, ""},
	} {
		decision, reason, err := authorize(t, test.steps)
		if err != nil || decision != test.decision || !strings.Contains(reason, test.reason) {
			t.Errorf("%s: got %v, %q, %v", test.steps, decision, reason, err)
		}
	}
}

func TestAFailedPolicyHasNoOpinionAndReturnsAnError(t *testing.T) {
	for _, steps := range []string{"[trap]", "[loop]", `[{answer: {status: {allowed: true, denied: true}}}]`, `[{stdout: nonsense}]`} {
		decision, _, err := authorize(t, steps)
		if decision != authorizer.DecisionNoOpinion || err == nil || !strings.Contains(err.Error(), "test") {
			t.Errorf("%s: got %v, %v", steps, decision, err)
		}
	}
}

func TestEveryFailureDeniesWithFailurePolicyDeny(t *testing.T) {
	const list = "modules:\n- {name: veto, module: %s, failurePolicy: %s}\n" + enginetest.Unguarded
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for policy, want := range map[string]authorizer.Decision{"Deny": authorizer.DecisionDeny, "NoOpinion": authorizer.DecisionNoOpinion} {
		host := enginetest.Open(t, engine.Authorizers, fmt.Sprintf(list, enginetest.Module(t), policy))
		decision, _, _ := New(host).Authorize(ctx, authorizer.AttributesRecord{User: jane(), Verb: "get", Path: "/"})
		if decision != want {
			t.Errorf("%s: got %v", policy, decision)
		}
	}
}

func TestClusterComponentsAreNotEvaluated(t *testing.T) {
	host := enginetest.Open(t, engine.Authorizers, enginetest.Authorizer(t, `[{answer: {status: {denied: true}}}]`))
	decide := func(subject user.Info) authorizer.Decision {
		decision, _, _ := New(host).Authorize(context.Background(), authorizer.AttributesRecord{User: subject, Verb: "get", Path: "/"})
		return decision
	}
	for _, component := range []user.Info{
		&user.DefaultInfo{Name: "system:kube-scheduler"},
		&user.DefaultInfo{Name: "system:node:a", Groups: []string{"system:nodes"}},
		&user.DefaultInfo{Name: "system:serviceaccount:kube-system:x", Groups: []string{"system:serviceaccounts:kube-system"}},
	} {
		if decision := decide(component); decision != authorizer.DecisionNoOpinion {
			t.Errorf("%s: got %v", component.GetName(), decision)
		}
	}
	if decision := decide(jane()); decision != authorizer.DecisionDeny {
		t.Errorf("jane: got %v", decision)
	}
}

func authorize(t *testing.T, steps string) (authorizer.Decision, string, error) {
	t.Helper()
	host := enginetest.Open(t, engine.Authorizers, enginetest.Authorizer(t, steps))
	return New(host).Authorize(context.Background(), authorizer.AttributesRecord{User: jane(), Verb: "get", Path: "/"})
}

func TestRulesAreIncompleteWithAnError(t *testing.T) {
	if _, _, incomplete, err := New(nil).RulesFor(context.Background(), jane(), ""); !incomplete || err == nil {
		t.Errorf("got %v, %v", incomplete, err)
	}
}

func TestTheReviewIsThatOfTheStockWebhook(t *testing.T) {
	selector, err := labels.Parse("a=b,c!=d,e in (f,g),h notin (i),j,!k,l>3")
	if err != nil {
		t.Fatal(err)
	}
	labelRequirements, _ := selector.Requirements()
	for name, attributes := range map[string]authorizer.AttributesRecord{
		"resource": {
			User: jane(), Verb: "update", Namespace: "n", APIGroup: "apps", APIVersion: "v1",
			Resource: "deployments", Subresource: "scale", Name: "d", ResourceRequest: true,
		},
		"selectors": {
			User: jane(), Verb: "list", APIVersion: "v1", Resource: "pods", ResourceRequest: true,
			FieldSelectorRequirements: fields.ParseSelectorOrDie("spec.nodeName=n,status.phase!=Failed").Requirements(),
			LabelSelectorRequirements: labelRequirements,
		},
		"no resource": {User: jane(), Verb: "get", Path: "/healthz"},
		"no extra":    {User: &user.DefaultInfo{Name: "joe"}, Verb: "get", Path: "/healthz"},
		"no user":     {Verb: "get", Path: "/healthz"},
	} {
		ours, theirs := text(t, newReview(attributes).Spec), text(t, stockSpec(t, attributes))
		if ours != theirs {
			t.Errorf("%s:\n got %s\nwant %s", name, ours, theirs)
		}
	}
}

// stockSpec returns the review that the stock webhook authorizer sends.
func stockSpec(t *testing.T, attributes authorizer.Attributes) authorizationv1.SubjectAccessReviewSpec {
	t.Helper()
	var review authorizationv1.SubjectAccessReview
	server := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		if err := json.NewDecoder(request.Body).Decode(&review); err != nil {
			t.Error(err)
		}
		response.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(response).Encode(&review)
	}))
	defer server.Close()
	stock, err := webhook.New(&rest.Config{Host: server.URL}, "v1", 0, 0, wait.Backoff{Steps: 1}, authorizer.DecisionNoOpinion,
		nil, "test", webhookmetrics.NoopAuthorizerMetrics{}, authorizationcel.NewDefaultCompiler())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := stock.Authorize(context.Background(), attributes); err != nil {
		t.Fatal(err)
	}
	return review.Spec
}

func text(t *testing.T, spec authorizationv1.SubjectAccessReviewSpec) string {
	t.Helper()
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
