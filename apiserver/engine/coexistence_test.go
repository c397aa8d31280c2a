// Go's runtime and the engine's live in one process: faults of both, at once, and memory that crosses the border.

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

// Both runtimes handle SIGSEGV: wasm code that goes out of bounds or overflows its stack, Go code that follows a nil
// pointer. Each has to leave the other's alone, on any thread.
func TestFaultsOfModulesAndOfGoDoNotMeet(t *testing.T) {
	const goroutines, rounds = 32, 40
	good := authorizer(t, allow)
	late := strings.Replace(enginetest.Authorizer(t, "[loop]"), "200ms", "5ms", 1)
	bad := []*engine.Host{
		authorizer(t, "[trap]"),
		authorizer(t, "[recurse]"),
		authorizer(t, "[{allocate: 4000}]"),
		enginetest.Open(t, engine.Authorizers, late),
	}

	var wait sync.WaitGroup
	for worker := range goroutines {
		wait.Go(func() {
			for round := range rounds {
				if fault := nilDereference(); fault == "" {
					t.Error("a nil dereference was not recovered from")
				}
				if answer, err := ask(good); err != nil || !strings.Contains(answer, `"allowed":true`) {
					t.Errorf("a good module: got %q, %v", answer, err)
				}
				_, err := ask(bad[(worker+round)%len(bad)])
				var refused *engine.Error
				if !errors.As(err, &refused) || refused.Status != engine.Undecided {
					t.Errorf("a bad module: got %v", err)
				}
			}
		})
	}
	wait.Wait()
}

type node struct{ next *node }

// nilDereference returns how Go calls the fault that it recovered from.
func nilDereference() (fault string) {
	defer func() { fault = fmt.Sprint(recover()) }()
	var nothing *node
	return fmt.Sprint(nothing.next)
}

func TestAnswersAreNotKept(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	host := authorizer(t, `[{answer: {status: {denied: true, reason: "`+long+`"}}}]`)
	many := func(times int) {
		for range times {
			if answer, err := ask(host); err != nil || answer == "" {
				t.Fatalf("got %d bytes, %v", len(answer), err)
			}
		}
	}
	many(100)
	before := residentPages(t)
	many(600)
	grown := (residentPages(t) - before) * os.Getpagesize()
	// All together were 60 MB.
	if grown > 30<<20 {
		t.Errorf("grew by %d MiB", grown>>20)
	}
}

// residentPages is the second number of /proc/self/statm.
func residentPages(t *testing.T) (pages int) {
	t.Helper()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("this system does not tell")
	}
	var size int
	if _, err := fmt.Sscan(string(statm), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages
}
