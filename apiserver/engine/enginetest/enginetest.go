// Package enginetest opens hosts for tests, with the real library and the module that does what its settings say
// (spec/guests/behaviours).
package enginetest

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"k8s-wasm/apiserver/engine"
)

// Module is the path of the module.
func Module(t testing.TB) string {
	t.Helper()
	folder := os.Getenv("K8S_WASM_GUESTS")
	if folder == "" {
		t.Fatal("K8S_WASM_GUESTS is not set; run `cargo xtask test --only go`")
	}
	module, err := filepath.Abs(filepath.Join(folder, "spec_behaviours.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return module
}

// Unguarded stands after a list of modules that would lock a cluster out.
const Unguarded = "lockOutGuard: {exempt: [all]}\n"

// Authenticator is a list of authenticators with one that takes these steps. The guard does not ask authenticators.
func Authenticator(t testing.TB, steps string) string {
	t.Helper()
	return fmt.Sprintf("modules:\n- {name: test, module: %s, timeout: 200ms, settings: {do: %s}}\n", Module(t), steps)
}

// Authorizer is a list of authorizers with one that takes these steps.
func Authorizer(t testing.TB, steps string) string {
	t.Helper()
	return Authenticator(t, steps) + Unguarded
}

// Admission is an AdmissionConfiguration with one policy that takes these steps, with more fields of the policy before.
func Admission(t testing.TB, fields, steps string) string {
	t.Helper()
	return fmt.Sprintf(`apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: WASM
  configuration:
    modules:
    - {name: test, module: %s, timeout: 200ms, %s, settings: {do: %s}}
    lockOutGuard: {exempt: [all]}
`, Module(t), fields, steps)
}

// Open opens a host and closes it when the test ends.
func Open(t testing.TB, format engine.Format, configuration string) *engine.Host {
	t.Helper()
	return OpenWith(t, format, configuration, engine.Options{})
}

// OpenWith opens a host with more options.
func OpenWith(t testing.TB, format engine.Format, configuration string, options engine.Options) *engine.Host {
	t.Helper()
	options.CodeCache = codeCache()
	source := engine.Source{Format: format, Path: "test.yaml", Text: []byte(configuration)}
	host, err := engine.Open(source, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(host.Close)
	return host
}

// codeCache is kept from one run to the next: compiling takes longer than all tests together.
var codeCache = sync.OnceValue(func() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "k8s-wasm", "code")
})
