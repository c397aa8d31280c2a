// Package engine asks WebAssembly policies through the C library of k8s-wasm. No other package touches C.
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

// Host is a configuration with its modules loaded. Its methods may be called from any goroutine.
type Host struct {
	// mutex is held for reading during each call: a native host may be closed only when no call is left.
	mutex  sync.RWMutex
	native *C.k8s_wasm_host
	logger *logger
	gate   *gate
}

// Version is that of the library.
func Version() string {
	return C.GoString(C.k8s_wasm_version())
}

// Open reads the configuration and compiles the modules it names, which takes up to seconds for each.
//
// The error is an *Error that says what does not load, for the people who wrote the configuration.
func Open(source Source, options Options) (*Host, error) {
	if abi := C.k8s_wasm_abi(); abi != C.K8S_WASM_ABI {
		return nil, fmt.Errorf("the library of k8s-wasm has ABI %d, this program was built for %d", abi, uint32(C.K8S_WASM_ABI))
	}
	logger := newLogger(options)
	var pins pins
	defer pins.Unpin()
	var native *C.k8s_wasm_host
	var text buffer
	status := Status(C.k8s_wasm_open(pins.source(source), pins.options(options, logger), &native, text.native()))
	words := text.take()
	if status != ok {
		logger.close()
		return nil, newError(status, string(words))
	}
	return &Host{native: native, logger: logger, gate: newGate()}, nil
}

// Reload looks whether a file changed and, if so, loads everything anew. The policies that decide go on to decide until
// the new ones are ready, and for good when those do not load; the error tells so once for each change.
func (h *Host) Reload() (changed bool, err error) {
	h.mutex.RLock()
	defer h.mutex.RUnlock()
	if h.native == nil {
		return false, ErrClosed
	}
	var text buffer
	status := Status(C.k8s_wasm_reload(h.native, text.native()))
	words := text.take()
	switch status {
	case ok:
		return true, nil
	case unchanged:
		return false, nil
	default:
		return false, newError(status, string(words))
	}
}

// Close waits for the calls that are under way and frees everything. Later calls answer ErrClosed.
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

// buffer is memory of the library, which its take gives back.
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
