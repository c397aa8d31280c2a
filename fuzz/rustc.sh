#!/bin/sh
# What cargo runs in place of rustc: our own crates, and the readers that they hand hostile bytes to, get the counters that
# libFuzzer follows. Everything else stays as it is, so that an input is not interesting for what it does inside of Cranelift.
# Build scripts are programs of their own, without a fuzzer that would count.
case "$CARGO_CRATE_NAME" in
build_script_*) exec "$@" ;;
access | capabilities | engine | fuzz | host | kubewarden | rego | wire) ;;
k8s_wasm_wire | granit_parser | json_patch | jsonptr | oci_client | serde_saphyr | x509_parser) ;;
*) case "$CARGO_BIN_NAME" in '') exec "$@" ;; esac ;;
esac
exec "$@" \
	-C passes=sancov-module \
	-C llvm-args=-sanitizer-coverage-level=4 \
	-C llvm-args=-sanitizer-coverage-inline-8bit-counters \
	-C llvm-args=-sanitizer-coverage-pc-table \
	-C llvm-args=-sanitizer-coverage-trace-compares \
	-C llvm-args=-simplifycfg-branch-fold-threshold=0 \
	-C codegen-units=1 \
	--cfg fuzzing
