// Tests of authentication with the real engine: who is accepted, for which audiences, and what is an error.

package authenticator

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"

	"k8s-wasm/apiserver/engine"
	"k8s-wasm/apiserver/engine/enginetest"
)

const (
	jane        = `[{answer: {status: {authenticated: true, user: {username: jane, uid: "42", groups: [dev], extra: {example.com/k: [v]}}}}}]`
	janeAtVault = `[{answer: {status: {authenticated: true, audiences: [vault], user: {username: jane}}}}]`
	nobody      = `[{answer: {status: {authenticated: false}}}]`
)

func authenticate(t *testing.T, steps string, wanted ...string) (*authenticator.Response, bool, error) {
	t.Helper()
	ctx := context.Background()
	if len(wanted) > 0 {
		ctx = authenticator.WithAudiences(ctx, wanted)
	}
	host := enginetest.Open(t, engine.Authenticators, enginetest.Authenticator(t, steps))
	return New(host, authenticator.Audiences{"api"}).AuthenticateToken(ctx, "token")
}

func TestTakesOverTheWholeIdentity(t *testing.T) {
	response, ok, err := authenticate(t, jane)
	if err != nil || !ok {
		t.Fatalf("got %v, %v", ok, err)
	}
	want := &user.DefaultInfo{Name: "jane", UID: "42", Groups: []string{"dev"}, Extra: map[string][]string{"example.com/k": {"v"}}}
	if !reflect.DeepEqual(response.User, want) {
		t.Errorf("got %+v", response.User)
	}
}

func TestATokenIsGoodForItsAudiencesOnly(t *testing.T) {
	for _, test := range []struct {
		name, steps string
		wanted      []string
		granted     authenticator.Audiences
	}{
		{"the policy names none: the API server's own", jane, []string{"api", "other"}, authenticator.Audiences{"api"}},
		{"the policy names none: no other", jane, []string{"vault"}, nil},
		{"the policy names another", janeAtVault, []string{"api"}, nil},
		{"the policy names the one", janeAtVault, []string{"vault", "api"}, authenticator.Audiences{"vault"}},
	} {
		response, ok, err := authenticate(t, test.steps, test.wanted...)
		if err != nil || ok != (test.granted != nil) {
			t.Errorf("%s: got %v, %v", test.name, ok, err)
		}
		if ok && !reflect.DeepEqual(response.Audiences, test.granted) {
			t.Errorf("%s: got %v", test.name, response.Audiences)
		}
	}
}

func TestAnUnknownTokenIsNoError(t *testing.T) {
	if response, ok, err := authenticate(t, nobody, "api"); response != nil || ok || err != nil {
		t.Errorf("got %v, %v, %v", response, ok, err)
	}
}

// Errors are not cached; an unknown token is, for minutes.
func TestAPolicyThatFailsIsAnErrorForAnyAudience(t *testing.T) {
	for _, audience := range []string{"api", "vault"} {
		_, ok, err := authenticate(t, "[trap]", audience)
		if ok || err == nil || !strings.Contains(err.Error(), "test") {
			t.Errorf("%s: got %v, %v", audience, ok, err)
		}
	}
}
