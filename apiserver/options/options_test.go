// Tests of our flags together with the stock ones, and of the position of WASM among the
// authorization modes.

package options

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// complete parses and completes flags as the command does.
func complete(t *testing.T, flags ...string) (Completed, error) {
	t.Helper()
	options := New()
	all := pflag.NewFlagSet("kube-apiserver", pflag.ContinueOnError)
	sets := options.Flags()
	for _, set := range sets.FlagSets {
		all.AddFlagSet(set)
	}
	required := []string{"--etcd-servers=http://127.0.0.1:1", "--cert-dir=" + t.TempDir()}
	if err := all.Parse(append(required, flags...)); err != nil {
		t.Fatal(err)
	}
	return options.Complete(context.Background())
}

func TestErrorsInTheModesNameBothFlags(t *testing.T) {
	for _, test := range []struct{ flags, problem string }{
		{"--authorization-mode=RBAC,WASM", "--authorization-mode contains WASM, but --authorization-wasm-config-file is not set"},
		{"--authorization-wasm-config-file=a.yaml", "--authorization-wasm-config-file is set, but --authorization-mode does not contain WASM"},
		{"--authorization-mode=WASM,RBAC,WASM --authorization-wasm-config-file=a.yaml", "--authorization-mode: WASM is listed more than once; list all policies in one --authorization-wasm-config-file"},
		{"--authorization-mode=WASM,Webhok --authorization-wasm-config-file=a.yaml", `authorization-mode "Webhok" is not a valid mode`},
		{"--authorization-mode=RBAC,WASM,RBAC --authorization-wasm-config-file=a.yaml", "has mode specified more than once"},
		{"--authorization-mode=WASM --authorization-wasm-config-file=a.yaml --authorization-config=b.yaml", "--authorization-config can not be specified when --authorization-mode"},
		{"--authentication-wasm-cache-ttl=-1s", "--authentication-wasm-cache-ttl must not be negative"},
	} {
		_, err := complete(t, strings.Fields(test.flags)...)
		if err == nil || !strings.Contains(err.Error(), test.problem) {
			t.Errorf("%s: got %v", test.flags, err)
		}
	}
}

func TestOurModeIsHiddenFromTheStockServer(t *testing.T) {
	for _, test := range []struct {
		value string
		want  Modes
		stock []string
	}{
		{"Node,RBAC", Modes{Before: []string{"Node", "RBAC"}}, []string{"Node", "RBAC"}},
		{"Node,WASM,RBAC", Modes{Ours: true, Before: []string{"Node"}, After: []string{"RBAC"}}, []string{"Node", "RBAC"}},
		{"WASM,RBAC", Modes{Ours: true, Before: []string{}, After: []string{"RBAC"}}, []string{"RBAC"}},
		{"RBAC,WASM", Modes{Ours: true, Before: []string{"RBAC"}, After: []string{}}, []string{"RBAC"}},
		// An empty list would default to AlwaysAllow.
		{"WASM", Modes{Ours: true, Before: []string{}, After: []string{}}, []string{"AlwaysDeny"}},
	} {
		modes, err := splitModes(strings.Split(test.value, ","))
		if err != nil || !reflect.DeepEqual(modes, test.want) {
			t.Errorf("%s: got %+v, %v", test.value, modes, err)
		}
		if stock := modes.stock(); !reflect.DeepEqual(stock, test.stock) {
			t.Errorf("%s: the stock server gets %v", test.value, stock)
		}
	}
}

func TestThePluginRequiresItsConfiguration(t *testing.T) {
	if _, err := New().AdmissionConfigFile(); err == nil || !strings.Contains(err.Error(), "--enable-admission-plugins contains WASM, but --admission-control-config-file is not set") {
		t.Errorf("got %v", err)
	}
}
