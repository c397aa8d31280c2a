// Reloading of changed files while the server runs.

package compose

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/klog/v2"

	"k8s-wasm/apiserver/engine"
)

// pollInterval is the interval at which files are checked for changes. SIGHUP checks them at once.
const pollInterval = time.Second

// follow reloads a host when its files change, until the context ends. SIGHUP no longer ends the
// process.
func follow(ctx context.Context, plane string, host *engine.Host) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	go func() {
		defer signal.Stop(hangup)
		ticker := time.NewTicker(pollInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			case <-hangup:
				klog.InfoS("Checking for changed WASM policies on SIGHUP", "plane", plane)
			}
			reload(plane, host)
		}
	}()
}

// reload reloads a host and logs the result. The host returns each error once.
func reload(plane string, host *engine.Host) {
	switch changed, err := host.Reload(); {
	case err != nil:
		klog.ErrorS(err, "Failed to reload WASM policies, the previous ones stay in effect", "plane", plane)
	case changed:
		klog.InfoS("Reloaded WASM policies", "plane", plane)
	}
}
