// Tests of the gate, without the library.

package engine

import (
	"context"
	"errors"
	"testing"
)

// newFullGate creates a gate whose only permit is taken.
func newFullGate() *gate {
	g := newGate(1)
	g.permits <- struct{}{}
	return g
}

func TestAWaitingCallGetsTheNextPermit(t *testing.T) {
	g, entered := newFullGate(), make(chan error)
	go func() { entered <- g.enter(context.Background()) }()
	g.leave()
	if err := <-entered; err != nil {
		t.Error(err)
	}
}

func TestACallWhoseContextEndsStopsWaiting(t *testing.T) {
	g := newFullGate()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := g.enter(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if waiting := g.waiting.Load(); waiting != 0 {
		t.Errorf("got %d waiting calls", waiting)
	}
}

func TestTheGateRejectsCallsBeyondItsQueue(t *testing.T) {
	g := newFullGate()
	g.waiting.Store(maxWaiting)
	var rejected *Error
	if err := g.enter(context.Background()); !errors.As(err, &rejected) || rejected.Status != Overloaded {
		t.Errorf("got %v", err)
	}
}
