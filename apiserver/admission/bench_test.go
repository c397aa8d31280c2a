// The cost that policies add to a request, without the rest of an API server.

package admission

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"k8s.io/apiserver/pkg/admission"

	"k8s-wasm/apiserver/engine"
	"k8s-wasm/apiserver/engine/enginetest"
)

// BenchmarkConfigMap measures the mutation and the validation of a ConfigMap by the magic policies.
func BenchmarkConfigMap(b *testing.B) {
	modules := filepath.Dir(enginetest.Module(b))
	rules := `rules: [{operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*/*"]}]`
	plugin := New(enginetest.Open(b, engine.AdmissionConfiguration, fmt.Sprintf(`apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: WASM
  configuration:
    modules:
    - {module: %[1]s/magic_mutator.wasm, mutating: true, %[2]s}
    - {module: %[1]s/magic_validator.wasm, %[2]s}
`, modules, rules)))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	objects := newObjects()
	steps := map[string]func(admission.Attributes) error{
		"mutate":   func(a admission.Attributes) error { return plugin.Admit(ctx, a, objects) },
		"validate": func(a admission.Attributes) error { return plugin.Validate(ctx, a, objects) },
	}
	for name, step := range steps {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				object, request := configMap(admission.Create)
				object.Data = map[string]string{"key": "value"}
				if err := step(request); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
