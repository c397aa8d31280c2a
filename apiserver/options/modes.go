// The value of --authorization-mode, from which our mode is removed for the stock API server.

package options

import (
	"fmt"
	"slices"

	authzmodes "k8s.io/kubernetes/pkg/kubeapiserver/authorizer/modes"
)

// ModeWASM is our authorization mode.
const ModeWASM = "WASM"

// Modes is the list of authorization modes, split at ours.
type Modes struct {
	// Ours is true if our mode is in the list.
	Ours bool
	// Before and After are the stock modes before and after ours. Without ours, all are in Before.
	Before, After []string
}

func splitModes(all []string) (Modes, error) {
	index := slices.Index(all, ModeWASM)
	if index < 0 {
		return Modes{Before: all}, nil
	}
	modes := Modes{Ours: true, Before: all[:index], After: all[index+1:]}
	if slices.Contains(modes.After, ModeWASM) {
		return Modes{}, fmt.Errorf("--%s: %s is listed more than once; list all policies in one --%s", modeFlag, ModeWASM, authorizationFlag)
	}
	return modes, nil
}

// stock returns the modes for the stock API server to validate and complete.
func (m Modes) stock() []string {
	if m.Ours && len(m.Before) == 0 && len(m.After) == 0 {
		// An empty list would default to AlwaysAllow. This mode never has an opinion of its own.
		return []string{authzmodes.ModeAlwaysDeny}
	}
	return slices.Concat(m.Before, m.After)
}
