// Log messages of the library.

package engine

/*
#include "k8s_wasm.h"

// The declaration of the function that cgo exports below.
void k8sWasmLog(void *context, k8s_wasm_level level, k8s_wasm_bytes text);
*/
import "C"

import (
	"runtime"
	"runtime/cgo"
	"unsafe"
)

// Level is the level of a log message. Only LevelDebug includes the output of modules.
type Level uint32

// The levels, from the most to the least severe.
const (
	LevelError Level = C.K8S_WASM_LEVEL_ERROR
	LevelWarn  Level = C.K8S_WASM_LEVEL_WARN
	LevelInfo  Level = C.K8S_WASM_LEVEL_INFO
	LevelDebug Level = C.K8S_WASM_LEVEL_DEBUG
)

// logger makes a Go function available to C. C holds the address of the handle, so the handle must
// not move.
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

// close frees the handle. No call into C may be running that could log.
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
