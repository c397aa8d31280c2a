// Tests of the bound on calls, without the library.

package engine

import (
	"context"
	"errors"
	"testing"
)

func full() *gate {
	g := &gate{places: make(chan struct{}, 1)}
	g.places <- struct{}{}
	return g
}

func TestWhoWaitsForAPlaceGetsTheNextOne(t *testing.T) {
	g, entered := full(), make(chan error)
	go func() { entered <- g.enter(context.Background()) }()
	g.leave()
	if err := <-entered; err != nil {
		t.Error(err)
	}
}

func TestWhoLeavesDoesNotWait(t *testing.T) {
	g := full()
	gone, leave := context.WithCancel(context.Background())
	leave()
	if err := g.enter(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if waiting := g.waiting.Load(); waiting != 0 {
		t.Errorf("%d wait", waiting)
	}
}

func TestTooManyAreTurnedAwayAtOnce(t *testing.T) {
	g := full()
	g.waiting.Store(waitingMax)
	var refused *Error
	if err := g.enter(context.Background()); !errors.As(err, &refused) || refused.Status != Busy {
		t.Errorf("got %v", err)
	}
}
