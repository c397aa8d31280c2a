// Evaluation of reviews by the policies of a host.

package engine

/*
#include "k8s_wasm.h"

// Plain arguments instead of structs full of Go pointers, each of which Go would have to pin.

static bool has_policy_for(const k8s_wasm_host *host, k8s_wasm_plane plane,
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
	return k8s_wasm_has_policy_for(host, plane, &request);
}

static k8s_wasm_status evaluate(const k8s_wasm_host *host, k8s_wasm_plane plane, const void *review, size_t length,
		const k8s_wasm_request *already_evaluated, size_t already_evaluated_length,
		uint64_t timeout_milliseconds, const k8s_wasm_cancellation *cancellation, k8s_wasm_buffer *response) {
	k8s_wasm_evaluation_request request = {
		.plane = plane,
		.review = {(const uint8_t *)review, length},
		.timeout_milliseconds = timeout_milliseconds,
		.already_evaluated = already_evaluated,
		.already_evaluated_length = already_evaluated_length,
		.cancellation = cancellation,
	};
	return k8s_wasm_evaluate(host, &request, response);
}
*/
import "C"

import (
	"context"
	"time"
	"unsafe"
)

// Plane is a decision that policies make.
type Plane uint32

// The planes.
const (
	Authentication Plane = C.K8S_WASM_PLANE_AUTHENTICATION
	Authorization  Plane = C.K8S_WASM_PLANE_AUTHORIZATION
	Mutation       Plane = C.K8S_WASM_PLANE_MUTATION
	Validation     Plane = C.K8S_WASM_PLANE_VALIDATION
)

// DefaultTimeout is the timeout of an evaluation whose context does not end sooner: the default
// timeout of an admission webhook. Policies have shorter timeouts of their own.
const DefaultTimeout = 10 * time.Second

// Request contains the parts of a request that the rules of admission policies match.
type Request struct {
	Operation, Group, Version, Resource, Subresource string
	// Namespaced is true if the request has a namespace.
	Namespaced bool
}

// HasPolicyFor returns whether any policy of the plane has a rule for the request. It costs less
// than writing a review.
func (h *Host) HasPolicyFor(plane Plane, request Request) bool {
	h.mutex.RLock()
	defer h.mutex.RUnlock()
	if h.native == nil {
		// Evaluate then returns ErrClosed.
		return true
	}
	operation, operationLength := text(request.Operation)
	group, groupLength := text(request.Group)
	version, versionLength := text(request.Version)
	resource, resourceLength := text(request.Resource)
	subresource, subresourceLength := text(request.Subresource)
	return bool(C.has_policy_for(h.native, C.k8s_wasm_plane(plane),
		operation, operationLength, group, groupLength, version, versionLength,
		resource, resourceLength, subresource, subresourceLength, C.bool(request.Namespaced)))
}

// Evaluate evaluates a review with the policies of a plane and returns it with its status or
// response. It blocks until the policies have decided, failed or timed out, or until the context
// ends.
//
// Admission policies are skipped if they have a rule for one of alreadyEvaluated: the same request
// in the API versions in which it was evaluated before.
//
// The error is an *Error, ErrClosed, or the cause of the context's end.
func (h *Host) Evaluate(ctx context.Context, plane Plane, review []byte, alreadyEvaluated ...Request) ([]byte, error) {
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
	defer cancellation.free()
	var pins pins
	defer pins.Unpin()
	requests := pins.requests(alreadyEvaluated)
	var response buffer
	status := Status(C.evaluate(h.native, C.k8s_wasm_plane(plane), unsafe.Pointer(unsafe.SliceData(review)),
		C.size_t(len(review)), unsafe.SliceData(requests), C.size_t(len(requests)),
		timeoutMilliseconds(ctx), cancellation.native, response.native()))
	bytes := response.take()
	switch {
	case status == ok:
		return bytes, nil
	case status == Cancelled && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	default:
		return nil, newError(status, string(bytes))
	}
}

// DeniesOnFailure returns whether an authorization policy denies when it fails. The caller must
// then treat any error of Evaluate for Authorization as a denial: another authorizer could allow
// what that policy denies.
func (h *Host) DeniesOnFailure() bool {
	h.mutex.RLock()
	defer h.mutex.RUnlock()
	return h.native == nil || bool(C.k8s_wasm_denies_on_failure(h.native))
}

// text returns the bytes of a Go string for the duration of a call.
func text(value string) (*C.char, C.size_t) {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(value))), C.size_t(len(value))
}

// timeoutMilliseconds returns the time until the context ends, from 1 ms to DefaultTimeout.
func timeoutMilliseconds(ctx context.Context) C.uint64_t {
	timeout := DefaultTimeout
	if deadline, limited := ctx.Deadline(); limited {
		timeout = min(timeout, time.Until(deadline))
	}
	return C.uint64_t(max(timeout.Milliseconds(), 1))
}

// cancellation ends a call when a context ends.
type cancellation struct {
	native *C.k8s_wasm_cancellation
	// stop returns false if the context has ended; done is then closed after the call was
	// cancelled.
	stop func() bool
	done chan struct{}
}

// cancelWith creates the cancellation of a context; an empty one if the context never ends.
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

// free frees the cancellation, after the goroutine that cancels has finished with it.
func (c cancellation) free() {
	if c.native == nil {
		return
	}
	if !c.stop() {
		<-c.done
	}
	C.k8s_wasm_cancellation_free(c.native)
}
