// The bound on concurrent calls into the library.

package engine

import (
	"context"
	"sync/atomic"
	"time"
)

// maxWaiting is the upper bound of the calls of a host that wait for the gate. Further calls fail.
const maxWaiting = 1024

// gate bounds the calls that are inside the library. Each blocks an operating system thread; Go
// ends the process when it cannot create another one. A goroutine that waits at the gate costs no
// thread. The README of the API server, section "Queues, threads and memory", relates it to the two
// queues inside the library.
type gate struct {
	permits chan struct{}
	waiting atomic.Int32
}

// newGate creates a gate with a permit for each module that the library runs at once: further calls
// would only wait inside it.
func newGate(maxConcurrentCalls uint32) *gate {
	return &gate{permits: make(chan struct{}, maxConcurrentCalls)}
}

// enter waits for a permit, at most DefaultTimeout. If there is no error, the caller must call
// leave.
func (g *gate) enter(ctx context.Context) error {
	select {
	case g.permits <- struct{}{}:
		return nil
	default:
	}
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > maxWaiting {
		return newError(Overloaded, "too many requests are waiting for the policies")
	}
	timeout := time.NewTimer(DefaultTimeout)
	defer timeout.Stop()
	select {
	case g.permits <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timeout.C:
		return newError(Overloaded, "the request waited too long for the policies")
	}
}

func (g *gate) leave() { <-g.permits }
