package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// The limits are MAX_MEMORY and DEADLINE_MILLIS in src/runtime.rs.
const (
	memoryPages = 1024
	deadline    = 3 * time.Second
)

// engine is wazero with limits, its own WASI, our waPC, and the compiled modules.
type engine struct {
	config  wazero.RuntimeConfig
	runtime wazero.Runtime
	// native is true if the runtime generates machine code.
	native  bool
	modules map[string]wazero.CompiledModule
}

func newEngine(ctx context.Context, name string) (*engine, error) {
	var config wazero.RuntimeConfig
	switch name {
	case "wazero-compiler":
		config = wazero.NewRuntimeConfigCompiler()
	case "wazero-interpreter":
		config = wazero.NewRuntimeConfigInterpreter()
	default:
		return nil, fmt.Errorf("unknown runtime %q", name)
	}
	// WithCloseOnContextDone lets a deadline end a guest that loops.
	config = config.WithMemoryLimitPages(memoryPages).WithCloseOnContextDone(true)
	runtime := wazero.NewRuntimeWithConfig(ctx, config)
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, runtime); err != nil {
		return nil, err
	}
	if err := instantiateWapc(ctx, runtime); err != nil {
		return nil, err
	}
	return &engine{
		config:  config,
		runtime: runtime,
		native:  name == "wazero-compiler",
		modules: map[string]wazero.CompiledModule{},
	}, nil
}

// module returns the compiled module of a file, which is compiled once.
func (e *engine) module(ctx context.Context, path string) (wazero.CompiledModule, error) {
	if module, ok := e.modules[path]; ok {
		return module, nil
	}
	wasm, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	module, err := e.runtime.CompileModule(ctx, wasm)
	if err != nil {
		return nil, err
	}
	e.modules[path] = module
	return module, nil
}

type compiled struct {
	Nanos     int64  `json:"nanos"`
	CodeBytes *int64 `json:"code_bytes"`
}

// compile measures in a new runtime, because a runtime caches compiled modules.
func compile(ctx context.Context, engine *engine, request request) (*compiled, error) {
	wasm, err := os.ReadFile(request.Wasm)
	if err != nil {
		return nil, err
	}
	runtime := wazero.NewRuntimeWithConfig(ctx, engine.config)
	defer runtime.Close(ctx)
	begin := time.Now()
	if _, err := runtime.CompileModule(ctx, wasm); err != nil {
		return nil, err
	}
	result := &compiled{Nanos: time.Since(begin).Nanoseconds()}
	if engine.native {
		size, err := codeBytes(ctx, engine.config, wasm)
		if err != nil {
			return nil, err
		}
		result.CodeBytes = &size
	}
	return result, nil
}

// codeBytes returns the size of the file in wazero's compilation cache; wazero does not report the size of the code.
func codeBytes(ctx context.Context, config wazero.RuntimeConfig, wasm []byte) (int64, error) {
	folder, err := os.MkdirTemp("", "study-wazero")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	cache, err := wazero.NewCompilationCacheWithDir(folder)
	if err != nil {
		return 0, err
	}
	defer cache.Close(ctx)
	runtime := wazero.NewRuntimeWithConfig(ctx, config.WithCompilationCache(cache))
	defer runtime.Close(ctx)
	if _, err := runtime.CompileModule(ctx, wasm); err != nil {
		return 0, err
	}
	var size int64
	err = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		size += info.Size()
		return err
	})
	return size, err
}
