// Tests of the position of policies among the stock authenticators and authorizers, with the real
// engine.

package compose

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	genericapiserver "k8s.io/apiserver/pkg/server"
	kubeauthenticator "k8s.io/kubernetes/pkg/kubeapiserver/authenticator"

	"k8s-wasm/apiserver/engine"
	"k8s-wasm/apiserver/engine/enginetest"
	"k8s-wasm/apiserver/options"
)

const (
	allow = `[{answer: {status: {allowed: true}}}]`
	deny  = `[{answer: {status: {denied: true}}}]`
	pass  = `[{answer: {status: {allowed: false}}}]`
	jane  = `[{answer: {status: {authenticated: true, user: {username: jane}}}}]`
)

func TestThePositionInTheListOfModesIsTheOrderOfAuthorizers(t *testing.T) {
	rbac, none := []string{"RBAC"}, []string(nil)
	for _, test := range []struct {
		name          string
		before, after []string
		steps         string
		want          authorizer.Decision
	}{
		// The stock authorizer of these tests allows everything.
		{"before ours", rbac, none, deny, authorizer.DecisionAllow},
		{"after ours, which denies", none, rbac, deny, authorizer.DecisionDeny},
		{"after ours, which has no opinion", none, rbac, pass, authorizer.DecisionAllow},
		{"after ours, which fails", none, rbac, "[trap]", authorizer.DecisionAllow},
		{"absent", none, none, allow, authorizer.DecisionAllow},
		{"absent, and ours has no opinion", none, none, pass, authorizer.DecisionNoOpinion},
	} {
		decision, _, _ := authorize(t, test.before, test.after, test.steps, "jane")
		if decision != test.want {
			t.Errorf("the stock mode is %s: got %v", test.name, decision)
		}
	}
}

func TestTheAPIServerItselfDoesNotDependOnPolicies(t *testing.T) {
	for _, steps := range []string{deny, "[trap]", "[loop]"} {
		decision, _, err := authorize(t, nil, []string{"RBAC"}, steps, user.APIServerUser, user.SystemPrivilegedGroup)
		if decision != authorizer.DecisionAllow || err != nil {
			t.Errorf("%s: got %v, %v", steps, decision, err)
		}
	}
}

func authorize(t *testing.T, before, after []string, steps, name string, groups ...string) (authorizer.Decision, string, error) {
	t.Helper()
	stock := authorizerfactory.NewAlwaysAllowAuthorizer()
	config := &genericapiserver.Config{RuleResolver: stock}
	config.Authorization.Authorizer = stock
	opts := options.Completed{Modes: options.Modes{Ours: true, Before: before, After: after}}
	host := enginetest.Open(t, engine.Authorizers, enginetest.Authorizer(t, steps))
	if err := addAuthorizer(config, host, opts, nil); err != nil {
		t.Fatal(err)
	}
	subject := &user.DefaultInfo{Name: name, Groups: groups}
	return config.Authorization.Authorizer.Authorize(context.Background(), authorizer.AttributesRecord{User: subject, Verb: "get", Path: "/"})
}

func TestPoliciesAuthenticateTokensThatTheStockServerDoesNot(t *testing.T) {
	for _, test := range []struct{ name, token, steps, want string }{
		{"no token", "", "[trap]", user.Anonymous},
		{"a token of the stock server", "stock", "[trap]", "stock"},
		{"a token that only a policy recognizes", "ours", jane, "jane"},
		{"an unknown token", "unknown", pass, ""},
		{"a token for which a policy fails", "unknown", "[trap]", ""},
	} {
		response, ok, err := authenticate(t, test.token, test.steps)
		switch {
		case test.want == "" && (ok || err == nil):
			t.Errorf("%s: got %v, %v", test.name, response, err)
		case test.want != "" && (!ok || response.User.GetName() != test.want):
			t.Errorf("%s: got %v, %v", test.name, response, err)
		}
	}
}

func authenticate(t *testing.T, token, steps string) (*authenticator.Response, bool, error) {
	t.Helper()
	config := &genericapiserver.Config{}
	config.Authentication.APIAudiences = authenticator.Audiences{"api"}
	config.Authentication.Authenticator = stockAuthenticator(t)
	addAuthenticator(config, enginetest.Open(t, engine.Authenticators, enginetest.Authenticator(t, steps)), time.Minute)
	request, err := http.NewRequestWithContext(authenticator.WithAudiences(context.Background(), authenticator.Audiences{"api"}), http.MethodGet, "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return config.Authentication.Authenticator.AuthenticateRequest(request)
}

// stockAuthenticator returns the authenticator of an API server with one static token.
func stockAuthenticator(t *testing.T) authenticator.Request {
	t.Helper()
	tokens := filepath.Join(t.TempDir(), "tokens.csv")
	if err := os.WriteFile(tokens, []byte("stock,stock,1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := kubeauthenticator.Config{
		APIAudiences:  authenticator.Audiences{"api"},
		TokenAuthFile: tokens,
		Anonymous:     apiserver.AnonymousAuthConfig{Enabled: true},
	}
	stock, _, _, _, err := config.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return stock
}
