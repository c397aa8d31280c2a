// What a question costs from Go.

package engine_test

import (
	"context"
	"testing"
	"time"

	"k8s-wasm/apiserver/engine"
)

// BenchmarkAsk measures cgo, the host and a module that answers at once; by a request that nobody waits for, and by one whose
// client may leave.
func BenchmarkAsk(b *testing.B) {
	host := authorizer(b, allow)
	limited, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	for name, ctx := range map[string]context.Context{"endless": context.Background(), "cancellable": limited} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := host.Ask(ctx, engine.Authorization, []byte(accessReview)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
