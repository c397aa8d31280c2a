#!/bin/sh
# The compiler wrapper of the fuzz targets. It adds libFuzzer's coverage counters to the crates of
# this repository and to the parsers that receive untrusted bytes. Other crates have no counters, so
# that coverage inside Cranelift does not make an input interesting. Build scripts have none either,
# because they are not linked with libFuzzer.
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
