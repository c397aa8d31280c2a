//! Kubewarden policies on the command line, with the flags and the output of `kwctl`.

use crate::test_dir::TestDir;

/// A waPC guest that rejects every request, and empty settings.
const REJECTS: &str = r#"(module
    (import "wapc" "__guest_request" (func $request (param i32 i32)))
    (import "wapc" "__guest_response" (func $respond (param i32 i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "{\22accepted\22:false,\22message\22:\22not here\22,\22code\22:418}")
    (data (i32.const 100) "{\22valid\22:true}")
    (data (i32.const 200) "{\22valid\22:false,\22message\22:\22settings are required\22}")
    (func (export "__guest_call") (param $operation i32) (param $len i32) (result i32)
        (call $request (i32.const 1024) (i32.const 2048))
        (if (i32.eq (local.get $operation) (i32.const 8))
            (then (call $respond (i32.const 0) (i32.const 50)))
            (else (if (i32.gt_u (local.get $len) (i32.const 2))
                (then (call $respond (i32.const 100) (i32.const 14)))
                (else (call $respond (i32.const 200) (i32.const 49))))))
        i32.const 1))"#;

const METADATA: &str = "\
rules:
- {apiGroups: [''], apiVersions: [v1], resources: [configmaps], operations: [CREATE]}
mutating: false
protocolVersion: v1
contextAwareResources: [{apiVersion: v1, kind: Namespace}]
annotations: {io.kubewarden.policy.title: not-here}
";

fn test_dir() -> TestDir {
    TestDir::new()
        .with("policy.wasm", wat::parse_str(REJECTS).unwrap())
        .with("metadata.yml", METADATA)
        .with("usage.md", "# Settings are required\n")
}

#[test]
fn prints_the_response_as_kwctl_and_exits_with_0() {
    let arguments = [
        "run",
        "file://policy.wasm",
        "-r",
        "configmap.yaml",
        "--settings-json",
        r#"{"fine":1}"#,
    ];
    test_dir().prints("kubewarden-run", &arguments);
}

#[test]
fn reports_invalid_settings_as_kwctl() {
    test_dir().prints(
        "kubewarden-settings",
        &["run", "policy.wasm", "-r", "configmap.yaml"],
    );
}

#[test]
fn prints_text_on_request() {
    let arguments = [
        "run",
        "policy.wasm",
        "-r",
        "configmap.yaml",
        "-s",
        "settings.yaml",
        "-o",
        "text",
    ];
    test_dir()
        .with("settings.yaml", "fine: true\n")
        .prints("kubewarden-text", &arguments);
}

#[test]
fn annotates_a_policy() {
    let dir = test_dir();
    let arguments = [
        "annotate",
        "policy.wasm",
        "-m",
        "metadata.yml",
        "-u",
        "usage.md",
        "-o",
        "annotated.wasm",
    ];
    dir.prints("kubewarden-annotate", &arguments);
    dir.prints("kubewarden-inspect", &["inspect", "annotated.wasm"]);
}

#[test]
fn rejects_metadata_without_rules() {
    let dir = test_dir().with("empty.yml", "rules: []\nmutating: false\n");
    let arguments = [
        "annotate",
        "policy.wasm",
        "-m",
        "empty.yml",
        "-o",
        "annotated.wasm",
    ];
    dir.prints("kubewarden-no-rules", &arguments);
}

#[test]
fn checks_policies_of_a_policy_server_file() {
    let policies =
        "fine: {module: policy.wasm, settings: {fine: true}}\nbad: {module: policy.wasm}\n";
    test_dir()
        .with("policies.yml", policies)
        .prints("kubewarden-check", &["check", "--policies", "policies.yml"]);
}
