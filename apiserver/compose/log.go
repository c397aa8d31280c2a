// The engine's log messages in the API server's log.

package compose

import (
	"k8s.io/klog/v2"

	"k8s-wasm/apiserver/engine"
)

// The API server logs HTTP requests from verbosity 3 on; decisions are logged like them.
const (
	decisionVerbosity klog.Level = 3
	detailVerbosity   klog.Level = 5
)

// logger returns a function that logs the messages of a plane. They are already structured: text,
// then key="value".
func logger(plane string) func(engine.Level, string) {
	return func(level engine.Level, text string) {
		switch level {
		case engine.LevelError:
			klog.Errorf("WASM %s: %s", plane, text)
		case engine.LevelWarn:
			klog.Warningf("WASM %s: %s", plane, text)
		case engine.LevelInfo:
			klog.V(decisionVerbosity).Infof("WASM %s: %s", plane, text)
		default:
			klog.V(detailVerbosity).Infof("WASM %s: %s", plane, text)
		}
	}
}

// logLevel returns the level that the current verbosity shows, so that the engine does not format
// other messages. Raising the verbosity later does not show more of them.
func logLevel() engine.Level {
	switch {
	case klog.V(detailVerbosity).Enabled():
		return engine.LevelDebug
	case klog.V(decisionVerbosity).Enabled():
		return engine.LevelInfo
	default:
		return engine.LevelWarn
	}
}
