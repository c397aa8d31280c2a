module k8s-wasm/tests/policies/go

go 1.24
