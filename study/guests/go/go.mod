module github.com/k8s-wasm/k8s-wasm/study/guests/go

go 1.24
