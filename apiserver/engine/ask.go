// Questions to a host: whether it wants to be asked, and what it decides.

package engine

/*
#include "k8s_wasm.h"

// Plain arguments instead of structs full of Go pointers, which Go would have to pin one by one.

static bool asks(const k8s_wasm_host *host, k8s_wasm_plane plane,
		const char *operation, size_t operation_length, const char *group, size_t group_length,
		const char *version, size_t version_length, const char *resource, size_t resource_length,
		const char *subresource, size_t subresource_length, bool namespaced) {
	k8s_wasm_request request = {
		.operation = {(const uint8_t *)operation, operation_length},
		.group = {(const uint8_t *)group, group_length},
		.version = {(const uint8_t *)version, version_length},
		.resource = {(const uint8_t *)resource, resource_length},
		.subresource = {(const uint8_t *)subresource, subresource_length},
		.namespaced = namespaced,
	};
	return k8s_wasm_asks(host, plane, &request);
}

static k8s_wasm_status ask(const k8s_wasm_host *host, k8s_wasm_plane plane, const void *review, size_t length,
		const k8s_wasm_request *before, size_t before_length,
		uint64_t milliseconds, const k8s_wasm_cancellation *cancellation, k8s_wasm_buffer *answer) {
	k8s_wasm_bytes bytes = {(const uint8_t *)review, length};
	return k8s_wasm_ask_again(host, plane, bytes, before, before_length, milliseconds, cancellation, answer);
}
*/
import "C"

import (
	"context"
	"time"
	"unsafe"
)

// Plane is a kind of decision.
type Plane uint32

const (
	Authentication Plane = C.K8S_WASM_PLANE_AUTHENTICATION
	Authorization  Plane = C.K8S_WASM_PLANE_AUTHORIZATION
	Mutation       Plane = C.K8S_WASM_PLANE_MUTATION
	Validation     Plane = C.K8S_WASM_PLANE_VALIDATION
)

// Patience is how long one question may take when its context does not end sooner: what an API server waits for an
// admission webhook that says nothing else. Policies have shorter timeouts of their own.
const Patience = 10 * time.Second

// Request is what the rules of admission policies look at.
type Request struct {
	Operation, Group, Version, Resource, Subresource string
	// Namespaced says whether the request states a namespace.
	Namespaced bool
}

// Asks says whether any policy of the plane has a rule for the request. It costs less than writing a review.
func (h *Host) Asks(plane Plane, request Request) bool {
	h.mutex.RLock()
	defer h.mutex.RUnlock()
	if h.native == nil {
		// Ask then says why nobody decides.
		return true
	}
	operation, operationLength := text(request.Operation)
	group, groupLength := text(request.Group)
	version, versionLength := text(request.Version)
	resource, resourceLength := text(request.Resource)
	subresource, subresourceLength := text(request.Subresource)
	return bool(C.asks(h.native, C.k8s_wasm_plane(plane),
		operation, operationLength, group, groupLength, version, versionLength,
		resource, resourceLength, subresource, subresourceLength, C.bool(request.Namespaced)))
}

// Ask has the policies of the plane decide on a review, and returns the review with their answer. It blocks until they
// answered, failed or ran out of time, or until the context ends.
//
// Policies of admission that were asked about the same request in another form, one of those before, are left out.
//
// The error is an *Error, ErrClosed, or why the context ended.
func (h *Host) Ask(ctx context.Context, plane Plane, review []byte, before ...Request) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if err := h.gate.enter(ctx); err != nil {
		return nil, err
	}
	defer h.gate.leave()
	h.mutex.RLock()
	defer h.mutex.RUnlock()
	if h.native == nil {
		return nil, ErrClosed
	}
	cancellation := cancelWith(ctx)
	defer cancellation.end()
	var pins pins
	defer pins.Unpin()
	requests := pins.requests(before)
	var answer buffer
	status := Status(C.ask(h.native, C.k8s_wasm_plane(plane), unsafe.Pointer(unsafe.SliceData(review)),
		C.size_t(len(review)), unsafe.SliceData(requests), C.size_t(len(requests)),
		milliseconds(ctx), cancellation.native, answer.native()))
	words := answer.take()
	switch {
	case status == ok:
		return words, nil
	case status == Cancelled && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	default:
		return nil, newError(status, string(words))
	}
}

// Vetoes says whether a policy of authorization denies when it fails. Then any error of Ask about Authorization has to count
// as a denial: somebody else might allow what that policy is there to deny.
func (h *Host) Vetoes() bool {
	h.mutex.RLock()
	defer h.mutex.RUnlock()
	return h.native == nil || bool(C.k8s_wasm_vetoes(h.native))
}

// text is a Go string in C's words, valid during a call.
func text(value string) (*C.char, C.size_t) {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(value))), C.size_t(len(value))
}

// milliseconds is how long the policies have, at least one.
func milliseconds(ctx context.Context) C.uint64_t {
	left := Patience
	if deadline, limited := ctx.Deadline(); limited {
		left = min(left, time.Until(deadline))
	}
	return C.uint64_t(max(left.Milliseconds(), 1))
}

// cancellation ends a call when a context ends.
type cancellation struct {
	native *C.k8s_wasm_cancellation
	// stop says whether the context had not ended; otherwise done is closed once C heard of it.
	stop func() bool
	done chan struct{}
}

// cancelWith makes nothing for contexts that never end.
func cancelWith(ctx context.Context) cancellation {
	if ctx.Done() == nil {
		return cancellation{}
	}
	native, done := C.k8s_wasm_cancellation_new(), make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		C.k8s_wasm_cancel(native)
	})
	return cancellation{native: native, stop: stop, done: done}
}

// end frees the cancellation, but not under the hands of the goroutine that cancels.
func (c cancellation) end() {
	if c.native == nil {
		return
	}
	if !c.stop() {
		<-c.done
	}
	C.k8s_wasm_cancellation_free(c.native)
}
