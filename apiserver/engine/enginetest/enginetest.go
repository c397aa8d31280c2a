// Package enginetest opens hosts for tests with the real library and the module whose settings
// define its behaviour (spec/guests/behaviours).
package enginetest

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"k8s-wasm/apiserver/engine"
)

// Module returns the path of the module.
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

// Unguarded follows a list of policies that would lock a cluster out.
const Unguarded = "lockOutGuard: {exempt: [all]}\n"

// Authenticator returns a list of authentication policies with one that takes the steps. The
// lock-out guard does not probe authentication.
func Authenticator(t testing.TB, steps string) string {
	t.Helper()
	return fmt.Sprintf("modules:\n- {name: test, module: %s, timeout: 200ms, settings: {do: %s}}\n", Module(t), steps)
}

// Authorizer returns a list of authorization policies with one that takes the steps.
func Authorizer(t testing.TB, steps string) string {
	t.Helper()
	return Authenticator(t, steps) + Unguarded
}

// Admission returns an AdmissionConfiguration with one policy that has the given fields and takes
// the steps.
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

// OpenWith opens a host with options and closes it when the test ends.
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

// codeCache returns a directory that stays between runs: compiling takes longer than all tests
// together.
var codeCache = sync.OnceValue(func() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "k8s-wasm", "code")
})
