//! A folder with modules in it, made from WebAssembly text: each does one thing.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

/// Writes this to stdout, whatever it is asked.
pub fn answering(entry_point: &str, stdout: &str) -> Vec<u8> {
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

/// Writes nothing, and does this.
fn doing(entry_point: &str, instructions: &str) -> Vec<u8> {
    module(&format!(
        r#"(memory (export "memory") 1) (func (export "{entry_point}") {instructions})"#
    ))
}

/// A Kubewarden policy that accepts everything, and logs through the host whenever it is called.
fn logging() -> Vec<u8> {
    let log = r#"{"level":"warning","message":"a module was here"}"#;
    let (valid, accepted) = (r#"{"valid":true}"#, r#"{"accepted":true}"#);
    let [log_text, valid_text, accepted_text] = [log, valid, accepted].map(str::escape_default);
    let [log, valid, accepted] = [log, valid, accepted].map(str::len);
    module(&format!(
        r#"(import "wapc" "__guest_response" (func $answer (param i32 i32)))
        (import "wapc" "__host_call" (func $host (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "kubewardentracinglog")
        (data (i32.const 64) "{log_text}") (data (i32.const 256) "{valid_text}") (data (i32.const 512) "{accepted_text}")
        (func (export "__guest_call") (param $operation i32) (param i32) (result i32)
            (drop (call $host (i32.const 0) (i32.const 10) (i32.const 10) (i32.const 7)
                (i32.const 17) (i32.const 3) (i32.const 64) (i32.const {log})))
            (if (i32.eq (local.get $operation) (i32.const 8))
                (then (call $answer (i32.const 512) (i32.const {accepted})))
                (else (call $answer (i32.const 256) (i32.const {valid}))))
            (i32.const 1))"#
    ))
}

fn module(body: &str) -> Vec<u8> {
    wat::parse_str(format!("(module {body})")).expect("valid text")
}

pub const ALLOWED: &str = r#"{"response":{"status":{"allowed":true}}}"#;
pub const DENIED: &str = r#"{"response":{"status":{"allowed":false,"denied":true}}}"#;

/// Modules, and a configuration of all planes that names them.
pub fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| write(folder.path(), name, bytes);
    let known = r#"{"response":{"status":{"authenticated":true,"user":{"username":"jane"}}}}"#;
    write("authn.wasm", &answering("authn", known));
    write("authz.wasm", &answering("authz", ALLOWED));
    // The patch is `[{"op":"add","path":"/data","value":{"magic":"foobar"}}]`.
    let patched = r#"{"response":{"response":{"uid":"","allowed":true,"patchType":"JSONPatch",
        "patch":"W3sib3AiOiJhZGQiLCJwYXRoIjoiL2RhdGEiLCJ2YWx1ZSI6eyJtYWdpYyI6ImZvb2JhciJ9fV0="}}}"#;
    write("mutate.wasm", &answering("mutate", patched));
    let rejected =
        r#"{"response":{"response":{"uid":"","allowed":false,"status":{"message":"not today"}}}}"#;
    write("validate.wasm", &answering("validate", rejected));
    write("trap.wasm", &doing("authz", "unreachable"));
    write("trap-authn.wasm", &doing("authn", "unreachable"));
    write("hang.wasm", &doing("authz", "(loop (br 0))"));
    write("log.wasm", &logging());
    write("config.yaml", CONFIGURATION.as_bytes());
    folder
}

pub fn write(folder: &Path, name: &str, bytes: &[u8]) {
    fs::write(folder.join(name), bytes).expect("a file");
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
