// The engine's log lines in the API server's log.

package compose

import (
	"k8s.io/klog/v2"

	"k8s-wasm/apiserver/engine"
)

// A decision is a line like that of an HTTP request, which the API server logs from level 3 on.
const (
	decisionVerbosity klog.Level = 3
	detailVerbosity   klog.Level = 5
)

// logger writes the lines of one plane, which are structured already: words, then key="value".
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

// logLevel saves the engine the lines that nobody would see. Verbosity that is raised later shows no more of them.
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
