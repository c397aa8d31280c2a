// What the library answers when it does not answer with a review.

package engine

/*
#include "k8s_wasm.h"
*/
import "C"

import "errors"

// Status says why there is no review.
type Status uint32

const (
	ok        Status = C.K8S_WASM_STATUS_OK
	unchanged Status = C.K8S_WASM_STATUS_UNCHANGED
	// Argument: the library was called in a way it does not understand.
	Argument Status = C.K8S_WASM_STATUS_ARGUMENT
	// Configuration: the configuration, or a module that it names, does not load.
	Configuration Status = C.K8S_WASM_STATUS_CONFIGURATION
	// Review: the bytes are no review of the plane that was asked.
	Review Status = C.K8S_WASM_STATUS_REVIEW
	// Undecided: a policy failed, and the API server's own failure policy decides.
	Undecided Status = C.K8S_WASM_STATUS_UNDECIDED
	// Busy: as Undecided, because there is more to do than may wait.
	Busy Status = C.K8S_WASM_STATUS_BUSY
	// Cancelled: the caller did not want to know any more.
	Cancelled Status = C.K8S_WASM_STATUS_CANCELLED
	// Internal: a defect of the library.
	Internal Status = C.K8S_WASM_STATUS_INTERNAL
)

// Error is why there is no review, with words that a client may read.
type Error struct {
	Status Status
	Text   string
}

func (e *Error) Error() string { return e.Text }

// ErrClosed is what a host answers after Close.
var ErrClosed = errors.New("the host is closed")

// newError takes the words of the library, or its last resort when it had no memory for any.
func newError(status Status, text string) *Error {
	if text == "" {
		text = C.GoString(C.k8s_wasm_last_resort(C.k8s_wasm_status(status)))
	}
	return &Error{Status: status, Text: text}
}
