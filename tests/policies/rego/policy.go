package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/open-policy-agent/opa/v1/compile"
)

// A mode defines the input and the output of a policy.
type mode struct {
	name       string
	entrypoint string
}

var modes = []mode{
	{name: "opa", entrypoint: "policy/main"},
	{name: "gatekeeper", entrypoint: "policy/violation"},
}

// A policy is a folder <mode>/<name> with policy.rego and cases.json.
type policy struct {
	mode   mode
	folder string
}

func findPolicies(root string) ([]policy, error) {
	var policies []policy
	for _, mode := range modes {
		files, err := filepath.Glob(filepath.Join(root, mode.name, "*", "policy.rego"))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			policies = append(policies, policy{mode: mode, folder: filepath.Dir(file)})
		}
	}
	if len(policies) == 0 {
		return nil, errors.New("no policies here: run in tests/policies/rego")
	}
	return policies, nil
}

func (p policy) String() string {
	return p.mode.name + "-" + filepath.Base(p.folder)
}

func (p policy) output(folder string) string {
	return filepath.Join(folder, p.String()+".wasm")
}

// compile returns the module that `opa build -t wasm -e <entrypoint> policy.rego` writes into its
// bundle.
func (p policy) compile(ctx context.Context) ([]byte, error) {
	compiler := compile.New().
		WithTarget(compile.TargetWasm).
		WithEntrypoints(p.mode.entrypoint).
		WithPaths(filepath.Join(p.folder, "policy.rego"))
	if err := compiler.Build(ctx); err != nil {
		return nil, err
	}
	modules := compiler.Bundle().WasmModules
	if len(modules) != 1 {
		return nil, errors.New("OPA did not write exactly one module")
	}
	return modules[0].Raw, nil
}
