module github.com/k8s-wasm/k8s-wasm/bench/study/guests/go

go 1.24
