// Tests of authentication with the real engine: identities, audiences and errors.

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
	unknown     = `[{answer: {status: {authenticated: false}}}]`
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

func TestReturnsTheWholeIdentity(t *testing.T) {
	response, ok, err := authenticate(t, jane)
	if err != nil || !ok {
		t.Fatalf("got %v, %v", ok, err)
	}
	want := &user.DefaultInfo{Name: "jane", UID: "42", Groups: []string{"dev"}, Extra: map[string][]string{"example.com/k": {"v"}}}
	if !reflect.DeepEqual(response.User, want) {
		t.Errorf("got %+v", response.User)
	}
}

func TestATokenIsValidForItsAudiencesOnly(t *testing.T) {
	for _, test := range []struct {
		name, steps string
		wanted      []string
		granted     authenticator.Audiences
	}{
		{"the policy returns none: the API server's own", jane, []string{"api", "other"}, authenticator.Audiences{"api"}},
		{"the policy returns none: no other", jane, []string{"vault"}, nil},
		{"the policy returns another", janeAtVault, []string{"api"}, nil},
		{"the policy returns a requested one", janeAtVault, []string{"vault", "api"}, authenticator.Audiences{"vault"}},
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

func TestAnUnknownTokenIsNotAnError(t *testing.T) {
	if response, ok, err := authenticate(t, unknown, "api"); response != nil || ok || err != nil {
		t.Errorf("got %v, %v, %v", response, ok, err)
	}
}

// The API server caches unknown tokens for minutes, but no errors.
func TestAFailedPolicyIsAnErrorForAnyAudience(t *testing.T) {
	for _, audience := range []string{"api", "vault"} {
		_, ok, err := authenticate(t, "[trap]", audience)
		if ok || err == nil || !strings.Contains(err.Error(), "test") {
			t.Errorf("%s: got %v, %v", audience, ok, err)
		}
	}
}
