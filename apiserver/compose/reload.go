// Changes of files while the server runs.

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

// pollInterval is how often files are looked at; SIGHUP has them looked at at once.
const pollInterval = time.Second

// follow reloads a host when its files change, until the context ends. From now on SIGHUP does not end the process.
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
				klog.InfoS("Looking for changed WASM modules on SIGHUP", "plane", plane)
			}
			reload(plane, host)
		}
	}()
}

// reload says what came of a change, of one that does not load once.
func reload(plane string, host *engine.Host) {
	switch changed, err := host.Reload(); {
	case err != nil:
		klog.ErrorS(err, "Changed WASM modules do not load, those from before go on to decide", "plane", plane)
	case changed:
		klog.InfoS("Changed WASM modules decide from now on", "plane", plane)
	}
}
