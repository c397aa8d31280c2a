// What a host is opened with, in Go's words and in C's.

package engine

/*
#include "k8s_wasm.h"
*/
import "C"

import (
	"runtime"
	"unsafe"
)

// Format says how a configuration is written.
type Format uint32

const (
	// AnyPlane is our own configuration, with sections for all planes.
	AnyPlane Format = C.K8S_WASM_FORMAT_CONFIGURATION
	// Authenticators is a list of modules for authentication.
	Authenticators Format = C.K8S_WASM_FORMAT_AUTHENTICATION
	// Authorizers is a list of modules for authorization.
	Authorizers Format = C.K8S_WASM_FORMAT_AUTHORIZATION
	// AdmissionConfiguration is the file of --admission-control-config-file, with the plugin WASM in it.
	AdmissionConfiguration Format = C.K8S_WASM_FORMAT_ADMISSION
)

// Source is where the configuration comes from. Reload reads the file again.
type Source struct {
	Format Format
	Path   string
	// Text is the configuration itself; then Path only names it in errors, and relative paths start in its folder.
	Text []byte
}

// Options are what a host may be told besides.
type Options struct {
	// CodeCache is a folder for compiled modules; none when empty.
	CodeCache string
	// Kubeconfig says how modules reach the cluster that may; the usual places when empty.
	Kubeconfig string
	// Log is called from any thread, during any call; nil to hear nothing.
	Log func(Level, string)
	// LogLevel is the least important level that Log wants; LevelError when zero.
	LogLevel Level
}

// pins hold what C reads during one call in place, and the bytes in C's words.
type pins struct{ runtime.Pinner }

func (p *pins) bytes(data []byte) C.k8s_wasm_bytes {
	if len(data) == 0 {
		return C.k8s_wasm_bytes{}
	}
	first := unsafe.SliceData(data)
	p.Pin(first)
	return C.k8s_wasm_bytes{data: (*C.uint8_t)(first), length: C.size_t(len(data))}
}

func (p *pins) source(source Source) *C.k8s_wasm_source {
	return &C.k8s_wasm_source{
		format: C.k8s_wasm_format(source.Format),
		path:   p.bytes([]byte(source.Path)),
		text:   p.bytes(source.Text),
	}
}

func (p *pins) requests(requests []Request) []C.k8s_wasm_request {
	natives := make([]C.k8s_wasm_request, 0, len(requests))
	for _, request := range requests {
		natives = append(natives, C.k8s_wasm_request{
			operation:   p.bytes([]byte(request.Operation)),
			group:       p.bytes([]byte(request.Group)),
			version:     p.bytes([]byte(request.Version)),
			resource:    p.bytes([]byte(request.Resource)),
			subresource: p.bytes([]byte(request.Subresource)),
			namespaced:  C.bool(request.Namespaced),
		})
	}
	return natives
}

func (p *pins) options(options Options, logger *logger) *C.k8s_wasm_options {
	native := &C.k8s_wasm_options{
		code_cache: p.bytes([]byte(options.CodeCache)),
		kubeconfig: p.bytes([]byte(options.Kubeconfig)),
	}
	logger.install(native)
	return native
}
