// Where modules come in authentication: last, as a token webhook does.

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

// addAuthenticator has modules asked about bearer tokens that nothing else accepts. The stock authenticator answers a
// request without a token, and fails for an unknown one, which is not taken for anonymous.
func addAuthenticator(config *genericapiserver.Config, host *engine.Host, cacheTTL time.Duration) {
	// Not those of the options, which are empty unless the flag is given.
	audiences := config.Authentication.APIAudiences
	// Both answers are cached, errors never.
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
