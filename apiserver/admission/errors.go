// Errors that clients receive.

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

// rejection returns the error for a rejection. It is that of a webhook, with the plugin's name
// instead of the webhook's; the message names the policy.
func rejection(result *metav1.Status) error {
	status := metav1.Status{Message: "without explanation"}
	if result != nil {
		status = *result
	}
	// A rejection is a failure, whatever status the policy set.
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

// noDecision returns the error for an evaluation without a decision. The request never passes.
func noDecision(ctx context.Context, err error) error {
	var failed *engine.Error
	switch {
	case ctx.Err() != nil:
		return apierrors.NewTimeoutError("request did not complete within requested timeout", 0)
	case errors.As(err, &failed) && failed.Status == engine.Overloaded:
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
