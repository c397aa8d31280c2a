//! A directory of modules assembled from WebAssembly text, each with one behaviour.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

/// Assembles a module that writes `stdout`, whatever its input.
pub fn writes(entry_point: &str, stdout: &str) -> Vec<u8> {
    let data = stdout.escape_default();
    let length = stdout.len();
    module(&format!(
        r#"(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 16) "{data}")
        (func (export "{entry_point}")
            (i32.store (i32.const 0) (i32.const 16))
            (i32.store (i32.const 4) (i32.const {length}))
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"#
    ))
}

/// Assembles a module that runs `instructions` and writes nothing.
fn runs(entry_point: &str, instructions: &str) -> Vec<u8> {
    module(&format!(
        r#"(memory (export "memory") 1) (func (export "{entry_point}") {instructions})"#
    ))
}

/// Assembles a Kubewarden policy that accepts everything and logs through the host at each call.
fn logs() -> Vec<u8> {
    let log = r#"{"level":"warning","message":"a module logged"}"#;
    let (valid, accepted) = (r#"{"valid":true}"#, r#"{"accepted":true}"#);
    let [log_text, valid_text, accepted_text] = [log, valid, accepted].map(str::escape_default);
    let [log, valid, accepted] = [log, valid, accepted].map(str::len);
    module(&format!(
        r#"(import "wapc" "__guest_response" (func $respond (param i32 i32)))
        (import "wapc" "__host_call" (func $host (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "kubewardentracinglog")
        (data (i32.const 64) "{log_text}") (data (i32.const 256) "{valid_text}") (data (i32.const 512) "{accepted_text}")
        (func (export "__guest_call") (param $operation i32) (param i32) (result i32)
            (drop (call $host (i32.const 0) (i32.const 10) (i32.const 10) (i32.const 7)
                (i32.const 17) (i32.const 3) (i32.const 64) (i32.const {log})))
            (if (i32.eq (local.get $operation) (i32.const 8))
                (then (call $respond (i32.const 512) (i32.const {accepted})))
                (else (call $respond (i32.const 256) (i32.const {valid}))))
            (i32.const 1))"#
    ))
}

fn module(body: &str) -> Vec<u8> {
    wat::parse_str(format!("(module {body})")).unwrap()
}

pub const ALLOWED: &str = r#"{"response":{"status":{"allowed":true}}}"#;
pub const DENIED: &str = r#"{"response":{"status":{"allowed":false,"denied":true}}}"#;

/// Creates a directory with the modules and `config.yaml`, a configuration of all planes.
pub fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| write(directory.path(), name, bytes);
    let user = r#"{"response":{"status":{"authenticated":true,"user":{"username":"jane"}}}}"#;
    write("authn.wasm", &writes("authn", user));
    write("authz.wasm", &writes("authz", ALLOWED));
    // The patch is `[{"op":"add","path":"/data","value":{"magic":"foobar"}}]`.
    let patched = r#"{"response":{"response":{"uid":"","allowed":true,"patchType":"JSONPatch",
        "patch":"W3sib3AiOiJhZGQiLCJwYXRoIjoiL2RhdGEiLCJ2YWx1ZSI6eyJtYWdpYyI6ImZvb2JhciJ9fV0="}}}"#;
    write("mutate.wasm", &writes("mutate", patched));
    let rejected =
        r#"{"response":{"response":{"uid":"","allowed":false,"status":{"message":"not today"}}}}"#;
    write("validate.wasm", &writes("validate", rejected));
    write("trap.wasm", &runs("authz", "unreachable"));
    write("trap-authn.wasm", &runs("authn", "unreachable"));
    write("hang.wasm", &runs("authz", "(loop (br 0))"));
    write("log.wasm", &logs());
    write("config.yaml", CONFIGURATION.as_bytes());
    directory
}

pub fn write(directory: &Path, name: &str, bytes: &[u8]) {
    fs::write(directory.join(name), bytes).unwrap();
}

const CONFIGURATION: &str = "apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authentication: {modules: [{module: authn.wasm}]}
authorization: {modules: [{module: authz.wasm}]}
admission:
  modules:
  - module: mutate.wasm
    mutating: true
    rules: [{operations: [CREATE], apiGroups: [''], apiVersions: [v1], resources: [configmaps]}]
  - module: validate.wasm
    rules: [{operations: [CREATE], apiGroups: [''], apiVersions: [v1], resources: [configmaps]}]
engine: {maxConcurrentCalls: 8}
lockOutGuard: {exempt: [all]}
";
