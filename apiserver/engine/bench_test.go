// The cost of an evaluation from Go.

package engine_test

import (
	"context"
	"testing"
	"time"

	"k8s-wasm/apiserver/engine"
)

// BenchmarkEvaluate measures cgo, the host and a module that responds at once, with a context that
// cannot end and with one that can.
func BenchmarkEvaluate(b *testing.B) {
	host := authorizer(b, allow)
	limited, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	for name, ctx := range map[string]context.Context{"endless": context.Background(), "cancellable": limited} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := host.Evaluate(ctx, engine.Authorization, []byte(accessReview)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
