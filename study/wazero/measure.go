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

// As LEAST_CALLS in src/worker/measure.rs of the study.
const leastCalls = 3

type measured struct {
	Calls int   `json:"calls"`
	P50   int64 `json:"p50"`
	P99   int64 `json:"p99"`
	Min   int64 `json:"min"`
}

// asked is one program that is asked the same again and again.
type asked struct {
	engine   *engine
	compiled wazero.CompiledModule
	way      string
	input    []byte
	// The instance that is used again; none: each call has a fresh one.
	reused *instance
}

// measure warms up for a quarter of the time, then measures. Every answer must be the first one, which the study checks.
func measure(ctx context.Context, engine *engine, request request) (*measured, error) {
	asked, err := newAsked(ctx, engine, request)
	if err != nil {
		return nil, err
	}
	first, err := asked.call(ctx)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(request.Answer, first, 0o600); err != nil {
		return nil, err
	}
	span := time.Duration(request.Millis) * time.Millisecond
	if _, err := asked.repeat(ctx, span/4, 0, first); err != nil {
		return nil, err
	}
	times, err := asked.repeat(ctx, span, leastCalls, first)
	if err != nil {
		return nil, err
	}
	if asked.reused != nil {
		if err := asked.reused.module.Close(ctx); err != nil {
			return nil, err
		}
	}
	slices.Sort(times)
	return &measured{len(times), percentile(times, 50), percentile(times, 99), percentile(times, 0)}, nil
}

func newAsked(ctx context.Context, engine *engine, request request) (*asked, error) {
	compiled, err := engine.module(ctx, request.Wasm)
	if err != nil {
		return nil, err
	}
	input, err := os.ReadFile(request.Input)
	if err != nil {
		return nil, err
	}
	asked := &asked{engine: engine, compiled: compiled, way: request.Way, input: input}
	if request.Reuse == "reused" {
		asked.reused, err = start(ctx, engine, compiled)
	}
	return asked, err
}

func (a *asked) call(ctx context.Context) ([]byte, error) {
	if a.reused != nil {
		return a.reused.call(ctx, a.way, a.input)
	}
	fresh, err := start(ctx, a.engine, a.compiled)
	if err != nil {
		return nil, err
	}
	answer, err := fresh.call(ctx, a.way, a.input)
	return answer, errors.Join(err, fresh.module.Close(ctx))
}

func (a *asked) repeat(ctx context.Context, span time.Duration, least int, expected []byte) ([]time.Duration, error) {
	var times []time.Duration
	for end := time.Now().Add(span); len(times) < least || time.Now().Before(end); {
		begin := time.Now()
		answer, err := a.call(ctx)
		times = append(times, time.Since(begin))
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(answer, expected) {
			return nil, errors.New("the same question got another answer")
		}
	}
	return times, nil
}

// percentile is the value below which that many percent of the sorted values lie.
func percentile(times []time.Duration, percent int) int64 {
	return times[min(len(times)*percent/100, len(times)-1)].Nanoseconds()
}
