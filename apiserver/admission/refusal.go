// Errors of admission as clients see them.

package admission

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"k8s-wasm/apiserver/engine"
)

// rejection is what the client of a webhook that rejects would get, but that the plugin is named. The policies name
// themselves in the message.
func rejection(result *metav1.Status) error {
	status := metav1.Status{Message: "without explanation"}
	if result != nil {
		status = *result
	}
	// A rejection is a failure, whatever the policy says.
	status.Status = metav1.StatusFailure
	if status.Code < http.StatusBadRequest {
		status.Code = http.StatusBadRequest
	}
	if status.Message == "" {
		status.Message = string(status.Reason)
	}
	status.Message = fmt.Sprintf("admission plugin %q denied the request: %s", PluginName, status.Message)
	return &apierrors.StatusError{ErrStatus: status}
}

// undecided is what the client gets when policies should have decided and did not: never that the request passes.
func undecided(ctx context.Context, err error) error {
	var refused *engine.Error
	switch {
	case ctx.Err() != nil:
		return apierrors.NewTimeoutError("request did not complete within requested timeout", 0)
	case errors.As(err, &refused) && refused.Status == engine.Busy:
		const retryAfterSeconds = 1
		return apierrors.NewTooManyRequests(message(err), retryAfterSeconds)
	default:
		return internal(errors.New(message(err)))
	}
}

func message(err error) string {
	return fmt.Sprintf("admission plugin %q did not decide: %v", PluginName, err)
}

func internal(err error) error {
	return apierrors.NewInternalError(err)
}
