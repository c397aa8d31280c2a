// How many calls are inside of the library at once.

package engine

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
)

// waitingMax is how many calls of a host wait for a place. More are turned away.
const waitingMax = 1024

// gate bounds the calls that are inside of the library: each holds a thread of the operating system, of which a process may
// have few, and Go ends the process when it gets no more. Goroutines wait before it instead.
type gate struct {
	places  chan struct{}
	waiting atomic.Int32
}

// newGate has as many places as the library has instances by default: more calls would only wait inside of it.
func newGate() *gate {
	return &gate{places: make(chan struct{}, min(max(4*runtime.GOMAXPROCS(0), 16), 256))}
}

// enter waits for a place; leave has to follow when there is no error.
func (g *gate) enter(ctx context.Context) error {
	select {
	case g.places <- struct{}{}:
		return nil
	default:
	}
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > waitingMax {
		return newError(Busy, "too many requests wait for the policies")
	}
	patience := time.NewTimer(Patience)
	defer patience.Stop()
	select {
	case g.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-patience.C:
		return newError(Busy, "the request waited too long for the policies")
	}
}

func (g *gate) leave() { <-g.places }
