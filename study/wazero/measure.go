package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/tetratelabs/wazero"
)

// minCalls is MIN_CALLS in src/worker/measure.rs.
const minCalls = 3

type measured struct {
	Calls int   `json:"calls"`
	P50   int64 `json:"p50"`
	P99   int64 `json:"p99"`
	Min   int64 `json:"min"`
}

// workload is a program that is called repeatedly with the same input.
type workload struct {
	engine     *engine
	compiled   wazero.CompiledModule
	convention string
	input      []byte
	// reused is the instance of all calls, or nil if each call has a fresh one.
	reused *instance
}

// measure warms up for a quarter of the time, then measures. All responses must equal the first one, which the study
// checks.
func measure(ctx context.Context, engine *engine, request request) (*measured, error) {
	workload, err := newWorkload(ctx, engine, request)
	if err != nil {
		return nil, err
	}
	first, err := workload.call(ctx)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(request.Response, first, 0o600); err != nil {
		return nil, err
	}
	span := time.Duration(request.Millis) * time.Millisecond
	if _, err := workload.repeat(ctx, span/4, 0, first); err != nil {
		return nil, err
	}
	times, err := workload.repeat(ctx, span, minCalls, first)
	if err != nil {
		return nil, err
	}
	if workload.reused != nil {
		if err := workload.reused.module.Close(ctx); err != nil {
			return nil, err
		}
	}
	slices.Sort(times)
	return &measured{len(times), percentile(times, 50), percentile(times, 99), percentile(times, 0)}, nil
}

func newWorkload(ctx context.Context, engine *engine, request request) (*workload, error) {
	compiled, err := engine.module(ctx, request.Wasm)
	if err != nil {
		return nil, err
	}
	input, err := os.ReadFile(request.Input)
	if err != nil {
		return nil, err
	}
	workload := &workload{engine: engine, compiled: compiled, convention: request.Convention, input: input}
	if request.Reuse == "reused" {
		workload.reused, err = start(ctx, engine, compiled)
	}
	return workload, err
}

func (w *workload) call(ctx context.Context) ([]byte, error) {
	if w.reused != nil {
		return w.reused.call(ctx, w.convention, w.input)
	}
	fresh, err := start(ctx, w.engine, w.compiled)
	if err != nil {
		return nil, err
	}
	response, err := fresh.call(ctx, w.convention, w.input)
	return response, errors.Join(err, fresh.module.Close(ctx))
}

func (w *workload) repeat(ctx context.Context, span time.Duration, least int, expected []byte) ([]time.Duration, error) {
	var times []time.Duration
	for end := time.Now().Add(span); len(times) < least || time.Now().Before(end); {
		begin := time.Now()
		response, err := w.call(ctx)
		times = append(times, time.Since(begin))
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(response, expected) {
			return nil, errors.New("responses to the same input differ")
		}
	}
	return times, nil
}

// percentile returns the value below which that many percent of the sorted values lie.
func percentile(times []time.Duration, percent int) int64 {
	return times[min(len(times)*percent/100, len(times)-1)].Nanoseconds()
}
