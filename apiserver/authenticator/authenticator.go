// Package authenticator implements the API server's token authenticator with policies.
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

// Token authenticates tokens with policies in process, by the rules for the token webhook.
type Token struct {
	host *engine.Host
	// audiences are the API server's own: those of a token for which the policy returns no
	// audiences.
	audiences authenticator.Audiences
}

var _ authenticator.Token = (*Token)(nil)

// New creates an authenticator for an API server with these audiences.
func New(host *engine.Host, audiences authenticator.Audiences) *Token {
	return &Token{host: host, audiences: audiences}
}

// AuthenticateToken implements authenticator.Token. The error reports that a policy failed and no
// other recognized the token.
func (t *Token) AuthenticateToken(ctx context.Context, token string) (*authenticator.Response, bool, error) {
	requested, limited := authenticator.AudiencesFrom(ctx)
	status, err := t.review(ctx, token, requested)
	if err != nil {
		return nil, false, fmt.Errorf("failed to evaluate the WASM authenticator: %w", err)
	}
	// The verdict of a failed policy is unknown, whatever the audiences.
	if !status.Authenticated && status.Error != "" {
		return nil, false, errors.New(status.Error)
	}
	audiences := t.audiencesOf(status)
	if limited {
		if audiences = requested.Intersect(audiences); len(audiences) == 0 {
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
	request, err := json.Marshal(&review)
	if err != nil {
		return authenticationv1.TokenReviewStatus{}, err
	}
	response, err := t.host.Evaluate(ctx, engine.Authentication, request)
	if err != nil {
		return authenticationv1.TokenReviewStatus{}, err
	}
	var evaluated authenticationv1.TokenReview
	err = json.Unmarshal(response, &evaluated)
	return evaluated.Status, err
}

// audiencesOf returns the audiences that the token is valid for.
func (t *Token) audiencesOf(status authenticationv1.TokenReviewStatus) authenticator.Audiences {
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
