// Results of calls that return no review.

package engine

/*
#include "k8s_wasm.h"
*/
import "C"

import "errors"

// Status is the result of a call into the library.
type Status uint32

const (
	ok        Status = C.K8S_WASM_STATUS_OK
	unchanged Status = C.K8S_WASM_STATUS_UNCHANGED
	// InvalidArgument reports a defect of the caller.
	InvalidArgument Status = C.K8S_WASM_STATUS_INVALID_ARGUMENT
	// InvalidConfiguration reports a configuration or a module that does not load.
	InvalidConfiguration Status = C.K8S_WASM_STATUS_INVALID_CONFIGURATION
	// InvalidReview reports bytes that are not a review of the plane.
	InvalidReview Status = C.K8S_WASM_STATUS_INVALID_REVIEW
	// NoDecision reports that a policy failed; the failure policy of the API server applies.
	NoDecision Status = C.K8S_WASM_STATUS_NO_DECISION
	// Overloaded reports that there is no decision because too many calls were running or waiting.
	Overloaded Status = C.K8S_WASM_STATUS_OVERLOADED
	// Cancelled reports that the caller ended the call.
	Cancelled Status = C.K8S_WASM_STATUS_CANCELLED
	// Internal reports a defect of the library.
	Internal Status = C.K8S_WASM_STATUS_INTERNAL
)

// Error is the failure of a call, with a message that may be shown to clients.
type Error struct {
	Status  Status
	Message string
}

func (e *Error) Error() string { return e.Message }

// ErrClosed is the error of a host after Close.
var ErrClosed = errors.New("the host is closed")

// newError creates an Error with the library's message, or with that of the status if the library
// returned none.
func newError(status Status, message string) *Error {
	if message == "" {
		message = C.GoString(C.k8s_wasm_status_message(C.k8s_wasm_status(status)))
	}
	return &Error{Status: status, Message: message}
}
