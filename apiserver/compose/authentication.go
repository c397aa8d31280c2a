// Policies among the stock authenticators: last, like a token webhook.

package compose

import (
	"time"

	"k8s.io/apiserver/pkg/authentication/group"
	"k8s.io/apiserver/pkg/authentication/request/bearertoken"
	"k8s.io/apiserver/pkg/authentication/request/union"
	"k8s.io/apiserver/pkg/authentication/request/websocket"
	tokencache "k8s.io/apiserver/pkg/authentication/token/cache"
	genericapiserver "k8s.io/apiserver/pkg/server"

	"k8s-wasm/apiserver/authenticator"
	"k8s-wasm/apiserver/engine"
)

// addAuthenticator adds policies for bearer tokens that the stock authenticator does not accept.
// The stock authenticator handles requests without a token; it fails for an unknown token, so that
// such a request is not anonymous.
func addAuthenticator(config *genericapiserver.Config, host *engine.Host, cacheTTL time.Duration) {
	// The audiences of the options would be empty unless the flag is set.
	audiences := config.Authentication.APIAudiences
	// Known and unknown tokens are cached, errors are not.
	const cacheErrors = false
	token := tokencache.New(authenticator.New(host, audiences), cacheErrors, cacheTTL, cacheTTL)
	ours := group.NewAuthenticatedGroupAdder(
		union.New(bearertoken.New(token), websocket.NewProtocolAuthenticator(token)),
	)
	if stock := config.Authentication.Authenticator; stock != nil {
		ours = union.New(stock, ours)
	}
	config.Authentication.Authenticator = ours
}
