// The library's log lines on their way to Go.

package engine

/*
#include "k8s_wasm.h"

// The declaration that cgo exports below.
void k8sWasmLog(void *context, k8s_wasm_level level, k8s_wasm_bytes text);
*/
import "C"

import (
	"runtime"
	"runtime/cgo"
	"unsafe"
)

// Level is how grave a line is. Only at LevelDebug does it have what modules write.
type Level uint32

const (
	LevelError Level = C.K8S_WASM_LEVEL_ERROR
	LevelWarn  Level = C.K8S_WASM_LEVEL_WARN
	LevelInfo  Level = C.K8S_WASM_LEVEL_INFO
	LevelDebug Level = C.K8S_WASM_LEVEL_DEBUG
)

// logger keeps a Go function where C can name it: C holds the address of the handle, so the handle must not move.
type logger struct {
	pin    runtime.Pinner
	handle cgo.Handle
	level  Level
}

func newLogger(options Options) *logger {
	if options.Log == nil {
		return nil
	}
	logger := &logger{handle: cgo.NewHandle(options.Log), level: max(options.LogLevel, LevelError)}
	logger.pin.Pin(logger)
	return logger
}

func (l *logger) install(options *C.k8s_wasm_options) {
	if l == nil {
		return
	}
	options.log = C.k8s_wasm_log(C.k8sWasmLog)
	options.log_context = unsafe.Pointer(&l.handle)
	options.log_level = C.k8s_wasm_level(l.level)
}

// close is called when no call into C is left that could log.
func (l *logger) close() {
	if l == nil {
		return
	}
	l.handle.Delete()
	l.pin.Unpin()
}

//export k8sWasmLog
func k8sWasmLog(context unsafe.Pointer, level C.k8s_wasm_level, text C.k8s_wasm_bytes) {
	log := (*(*cgo.Handle)(context)).Value().(func(Level, string))
	log(Level(level), string(unsafe.Slice((*byte)(text.data), text.length)))
}
