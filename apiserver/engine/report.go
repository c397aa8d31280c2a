// What a host tells of itself.

package engine

/*
#include "k8s_wasm.h"
*/
import "C"

// MetricsContentType is that of Metrics.
const MetricsContentType = "application/openmetrics-text; version=1.0.0; charset=utf-8"

// Metrics is what Prometheus scrapes.
func (h *Host) Metrics() ([]byte, error) {
	return h.report(func(text *C.k8s_wasm_buffer) C.k8s_wasm_status { return C.k8s_wasm_metrics(h.native, text) })
}

// Decisions are the last ones, as JSON that `k8s-wasm explain` reads: those whose number is greater than after.
func (h *Host) Decisions(after uint64) ([]byte, error) {
	return h.report(func(list *C.k8s_wasm_buffer) C.k8s_wasm_status {
		return C.k8s_wasm_decisions(h.native, C.uint64_t(after), list)
	})
}

func (h *Host) report(ask func(*C.k8s_wasm_buffer) C.k8s_wasm_status) ([]byte, error) {
	h.mutex.RLock()
	defer h.mutex.RUnlock()
	if h.native == nil {
		return nil, ErrClosed
	}
	var answer buffer
	status := Status(ask(answer.native()))
	words := answer.take()
	if status != ok {
		return nil, newError(status, string(words))
	}
	return words, nil
}
