// Package authenticator has the policies say who the bearer of a token is, in the API server's terms.
package authenticator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"

	"k8s-wasm/apiserver/engine"
)

// Token asks the policies of authentication. It stands where a token webhook would, by the same rules.
type Token struct {
	host *engine.Host
	// audiences are the API server's own, which a token has whose policy says nothing of audiences.
	audiences authenticator.Audiences
}

var _ authenticator.Token = (*Token)(nil)

// New makes an authenticator for an API server that answers to these audiences.
func New(host *engine.Host, audiences authenticator.Audiences) *Token {
	return &Token{host: host, audiences: audiences}
}

// AuthenticateToken implements authenticator.Token. An error means that a policy failed and no other knew the token.
func (t *Token) AuthenticateToken(ctx context.Context, token string) (*authenticator.Response, bool, error) {
	wanted, limited := authenticator.AudiencesFrom(ctx)
	status, err := t.review(ctx, token, wanted)
	if err != nil {
		return nil, false, fmt.Errorf("failed asking the WASM authenticator: %w", err)
	}
	// What a failed policy would have said is not known, whatever the audiences.
	if !status.Authenticated && status.Error != "" {
		return nil, false, errors.New(status.Error)
	}
	audiences := t.granted(status)
	if limited {
		if audiences = wanted.Intersect(audiences); len(audiences) == 0 {
			return nil, false, nil
		}
	}
	if !status.Authenticated {
		return nil, false, nil
	}
	response := &authenticator.Response{User: identity(status.User)}
	if limited {
		response.Audiences = audiences
	}
	return response, true, nil
}

func (t *Token) review(ctx context.Context, token string, audiences authenticator.Audiences) (authenticationv1.TokenReviewStatus, error) {
	var review authenticationv1.TokenReview
	review.SetGroupVersionKind(authenticationv1.SchemeGroupVersion.WithKind("TokenReview"))
	review.Spec = authenticationv1.TokenReviewSpec{Token: token, Audiences: audiences}
	question, err := json.Marshal(&review)
	if err != nil {
		return authenticationv1.TokenReviewStatus{}, err
	}
	answer, err := t.host.Ask(ctx, engine.Authentication, question)
	if err != nil {
		return authenticationv1.TokenReviewStatus{}, err
	}
	var answered authenticationv1.TokenReview
	err = json.Unmarshal(answer, &answered)
	return answered.Status, err
}

// granted are the audiences that the token is good for.
func (t *Token) granted(status authenticationv1.TokenReviewStatus) authenticator.Audiences {
	if len(status.Audiences) > 0 {
		return status.Audiences
	}
	return t.audiences
}

func identity(from authenticationv1.UserInfo) user.Info {
	identity := &user.DefaultInfo{Name: from.Username, UID: from.UID, Groups: from.Groups}
	if from.Extra != nil {
		identity.Extra = make(map[string][]string, len(from.Extra))
		for key, values := range from.Extra {
			identity.Extra[key] = values
		}
	}
	return identity
}
