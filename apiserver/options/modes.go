// The value of --authorization-mode, of which the stock API server must not see our mode.

package options

import (
	"fmt"
	"slices"

	authzmodes "k8s.io/kubernetes/pkg/kubeapiserver/authorizer/modes"
)

// ModeWASM is our authorization mode.
const ModeWASM = "WASM"

// Modes is the list of authorization modes, cut where ours is.
type Modes struct {
	// Ours says whether our mode is in the list.
	Ours bool
	// Before and After are the stock modes that are asked before ours and after. Without ours all are in Before.
	Before, After []string
}

func splitModes(all []string) (Modes, error) {
	place := slices.Index(all, ModeWASM)
	if place < 0 {
		return Modes{Before: all}, nil
	}
	modes := Modes{Ours: true, Before: all[:place], After: all[place+1:]}
	if slices.Contains(modes.After, ModeWASM) {
		return Modes{}, fmt.Errorf("--%s: %s is given more than once; one --%s names all modules", modeFlag, ModeWASM, authorizationFlag)
	}
	return modes, nil
}

// stock is what the stock API server is to validate and complete.
func (m Modes) stock() []string {
	if m.Ours && len(m.Before) == 0 && len(m.After) == 0 {
		// It takes an empty list for AlwaysAllow. This mode never has an opinion of its own.
		return []string{authzmodes.ModeAlwaysDeny}
	}
	return slices.Concat(m.Before, m.After)
}
