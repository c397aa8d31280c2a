// Package engine evaluates WebAssembly policies through the C library of k8s-wasm. No other package
// uses C.
package engine

/*
#cgo CFLAGS: -Wall -Werror
#include "k8s_wasm.h"
*/
import "C"

import (
	"fmt"
	"sync"
	"unsafe"
)

// MetricsContentType is the content type of Metrics.
const MetricsContentType = "application/openmetrics-text; version=1.0.0; charset=utf-8"

// Host is a loaded policy set. Its methods may be called from any goroutine.
type Host struct {
	// mutex is held for reading during each call: a native host may be closed only after all calls
	// have returned.
	mutex  sync.RWMutex
	native *C.k8s_wasm_host
	logger *logger
	gate   *gate
}

// Version returns the version of the library.
func Version() string {
	return C.GoString(C.k8s_wasm_version())
}

// Open loads a configuration and compiles its modules, which takes up to seconds for each.
//
// The error is an *Error that lists everything that does not load, for the authors of the
// configuration.
func Open(source Source, options Options) (*Host, error) {
	if abi := C.k8s_wasm_abi(); abi != C.K8S_WASM_ABI {
		return nil, fmt.Errorf("the k8s-wasm library has ABI %d, but this program requires ABI %d", abi, uint32(C.K8S_WASM_ABI))
	}
	logger := newLogger(options)
	var pins pins
	defer pins.Unpin()
	var native *C.k8s_wasm_host
	var maxConcurrentCalls C.uint32_t
	var message buffer
	status := Status(C.k8s_wasm_open(pins.source(source), pins.options(options, logger), &native, &maxConcurrentCalls, message.native()))
	text := message.take()
	if status != ok {
		logger.close()
		return nil, newError(status, string(text))
	}
	return &Host{native: native, logger: logger, gate: newGate(uint32(maxConcurrentCalls))}, nil
}

// Reload loads everything again if a file has changed. The previous policies decide until the new
// ones are ready, and stay if those do not load; the error is returned once for each change.
func (h *Host) Reload() (changed bool, err error) {
	h.mutex.RLock()
	defer h.mutex.RUnlock()
	if h.native == nil {
		return false, ErrClosed
	}
	var message buffer
	status := Status(C.k8s_wasm_reload(h.native, message.native()))
	text := message.take()
	switch status {
	case ok:
		return true, nil
	case unchanged:
		return false, nil
	default:
		return false, newError(status, string(text))
	}
}

// Metrics returns the metrics of the host, of type MetricsContentType.
func (h *Host) Metrics() ([]byte, error) {
	return h.report(func(text *C.k8s_wasm_buffer) C.k8s_wasm_status { return C.k8s_wasm_metrics(h.native, text) })
}

// Decisions returns the recent decisions with a sequence number greater than after, as JSON that
// `k8s-wasm explain` reads.
func (h *Host) Decisions(after uint64) ([]byte, error) {
	return h.report(func(list *C.k8s_wasm_buffer) C.k8s_wasm_status {
		return C.k8s_wasm_decisions(h.native, C.uint64_t(after), list)
	})
}

func (h *Host) report(write func(*C.k8s_wasm_buffer) C.k8s_wasm_status) ([]byte, error) {
	h.mutex.RLock()
	defer h.mutex.RUnlock()
	if h.native == nil {
		return nil, ErrClosed
	}
	var output buffer
	status := Status(write(output.native()))
	bytes := output.take()
	if status != ok {
		return nil, newError(status, string(bytes))
	}
	return bytes, nil
}

// Close waits for running calls and frees everything. Later calls return ErrClosed.
func (h *Host) Close() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.native == nil {
		return
	}
	C.k8s_wasm_close(h.native)
	h.native = nil
	h.logger.close()
}

// buffer holds bytes that the library owns until take frees them.
type buffer C.k8s_wasm_buffer

func (b *buffer) native() *C.k8s_wasm_buffer {
	return (*C.k8s_wasm_buffer)(b)
}

// take copies the bytes to Go and frees them.
func (b *buffer) take() []byte {
	if b.data == nil {
		return nil
	}
	bytes := C.GoBytes(unsafe.Pointer(b.data), C.int(b.length))
	C.k8s_wasm_buffer_free(b.native())
	return bytes
}
