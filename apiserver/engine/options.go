// The source and the options of a host, and their conversion to C.

package engine

/*
#include "k8s_wasm.h"
*/
import "C"

import (
	"runtime"
	"unsafe"
)

// Format is the format of a configuration.
type Format uint32

const (
	// AnyPlane is a configuration of k8s-wasm with sections for all planes.
	AnyPlane Format = C.K8S_WASM_FORMAT_CONFIGURATION
	// Authenticators is a list of authentication policies.
	Authenticators Format = C.K8S_WASM_FORMAT_AUTHENTICATION
	// Authorizers is a list of authorization policies.
	Authorizers Format = C.K8S_WASM_FORMAT_AUTHORIZATION
	// AdmissionConfiguration is the file of --admission-control-config-file that configures the
	// plugin WASM.
	AdmissionConfiguration Format = C.K8S_WASM_FORMAT_ADMISSION
)

// Source is the source of a configuration. Reload reads the file again.
type Source struct {
	Format Format
	Path   string
	// Text is the configuration in place of the file's content. Errors still name Path, and
	// relative paths start in its directory.
	Text []byte
}

// Options are the settings of a host that are not part of its configuration.
type Options struct {
	// CodeCache is the directory for compiled modules; none if empty.
	CodeCache string
	// Kubeconfig is the kubeconfig of the cluster that policies may query; empty for the default
	// locations.
	Kubeconfig string
	// Log receives messages during any call, on any thread; nil for no log.
	Log func(Level, string)
	// LogLevel is the least severe level that Log receives; LevelError if zero.
	LogLevel Level
}

// pins keeps the memory that C reads during a call in place.
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
