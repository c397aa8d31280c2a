// Tests of the Go runtime and the engine in one process: concurrent faults of both, and memory that
// crosses the boundary.

package engine_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"k8s-wasm/apiserver/engine"
	"k8s-wasm/apiserver/engine/enginetest"
)

// Both runtimes handle SIGSEGV: of wasm code that is out of bounds or overflows its stack, and of
// Go code that dereferences a nil pointer. Each must pass the other's signals on, on any thread.
func TestModulesAndGoCanFaultConcurrently(t *testing.T) {
	const goroutines, rounds = 32, 40
	good := authorizer(t, allow)
	slow := strings.Replace(enginetest.Authorizer(t, "[loop]"), "200ms", "5ms", 1)
	bad := []*engine.Host{
		authorizer(t, "[trap]"),
		authorizer(t, "[recurse]"),
		authorizer(t, "[{allocate: 4000}]"),
		enginetest.Open(t, engine.Authorizers, slow),
	}

	var wait sync.WaitGroup
	for worker := range goroutines {
		wait.Go(func() {
			for round := range rounds {
				if fault := nilDereference(); fault == "" {
					t.Error("did not recover from a nil dereference")
				}
				if response, err := evaluate(good); err != nil || !strings.Contains(response, `"allowed":true`) {
					t.Errorf("a good module: got %q, %v", response, err)
				}
				_, err := evaluate(bad[(worker+round)%len(bad)])
				var failed *engine.Error
				if !errors.As(err, &failed) || failed.Status != engine.NoDecision {
					t.Errorf("a bad module: got %v", err)
				}
			}
		})
	}
	wait.Wait()
}

type node struct{ next *node }

// nilDereference dereferences a nil pointer and returns the recovered error.
func nilDereference() (fault string) {
	defer func() { fault = fmt.Sprint(recover()) }()
	var nothing *node
	return fmt.Sprint(nothing.next)
}

func TestResponsesAreFreed(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	host := authorizer(t, `[{answer: {status: {denied: true, reason: "`+long+`"}}}]`)
	evaluateTimes := func(times int) {
		for range times {
			if response, err := evaluate(host); err != nil || response == "" {
				t.Fatalf("got %d bytes, %v", len(response), err)
			}
		}
	}
	evaluateTimes(100)
	before := residentPages(t)
	evaluateTimes(600)
	grown := (residentPages(t) - before) * os.Getpagesize()
	// The responses have 60 MB together.
	if grown > 30<<20 {
		t.Errorf("grew by %d MiB", grown>>20)
	}
}

// residentPages returns the second number of /proc/self/statm.
func residentPages(t *testing.T) (pages int) {
	t.Helper()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("no /proc/self/statm on this system")
	}
	var size int
	if _, err := fmt.Sscan(string(statm), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages
}
