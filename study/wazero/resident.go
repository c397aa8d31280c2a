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

// resident loads copies of a module, asks each once in an instance that goes away, and looks at the memory of the process.
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
		// Another module each time, as far as wazero can tell: a custom section without a name.
		other := append(wasm[:len(wasm):len(wasm)], 0, 2, 0, byte(copy))
		compiled, err := engine.runtime.CompileModule(ctx, other)
		if err != nil {
			return nil, err
		}
		asked := &asked{engine: engine, compiled: compiled, way: request.Way, input: input}
		if _, err := asked.call(ctx); err != nil {
			return nil, err
		}
		engine.modules[fmt.Sprintf("%s %d", request.Wasm, copy)] = compiled
	}
	// What is garbage now says more about the collector's pace than about wazero.
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
