package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

type residentMemory struct {
	Kilobytes int64 `json:"kilobytes"`
}

// resident loads copies of a module, calls each once in a fresh instance, and measures the memory of the process.
func resident(ctx context.Context, engine *engine, request request) (*residentMemory, error) {
	wasm, err := os.ReadFile(request.Wasm)
	if err != nil {
		return nil, err
	}
	input, err := os.ReadFile(request.Input)
	if err != nil {
		return nil, err
	}
	for copy := range request.Copies {
		// A custom section makes each copy a different module.
		other := append(wasm[:len(wasm):len(wasm)], 0, 2, 0, byte(copy))
		compiled, err := engine.runtime.CompileModule(ctx, other)
		if err != nil {
			return nil, err
		}
		workload := &workload{engine: engine, compiled: compiled, convention: request.Convention, input: input}
		if _, err := workload.call(ctx); err != nil {
			return nil, err
		}
		engine.modules[fmt.Sprintf("%s %d", request.Wasm, copy)] = compiled
	}
	// Garbage depends on the pace of the collector, not on wazero.
	debug.FreeOSMemory()
	kilobytes, err := residentKilobytes()
	return &residentMemory{kilobytes}, err
}

func residentKilobytes() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut(string(status), "VmRSS:")
	if !found {
		return 0, fmt.Errorf("no VmRSS in /proc/self/status")
	}
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	return strconv.ParseInt(number, 10, 64)
}
