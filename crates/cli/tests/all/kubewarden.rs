//! Kubewarden policies on the command line: what scripts around the peer's program know.

use crate::test_dir::Place;

/// A waPC guest that rejects the request, and settings without the word `fine`.
const REJECTS: &str = r#"(module
    (import "wapc" "__guest_request" (func $request (param i32 i32)))
    (import "wapc" "__guest_response" (func $answer (param i32 i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "{\22accepted\22:false,\22message\22:\22not here\22,\22code\22:418}")
    (data (i32.const 100) "{\22valid\22:true}")
    (data (i32.const 200) "{\22valid\22:false,\22message\22:\22say that it is fine\22}")
    (func (export "__guest_call") (param $operation i32) (param $len i32) (result i32)
        (call $request (i32.const 1024) (i32.const 2048))
        (if (i32.eq (local.get $operation) (i32.const 8))
            (then (call $answer (i32.const 0) (i32.const 50)))
            (else (if (i32.gt_u (local.get $len) (i32.const 2))
                (then (call $answer (i32.const 100) (i32.const 14)))
                (else (call $answer (i32.const 200) (i32.const 47))))))
        i32.const 1))"#;

const METADATA: &str = "\
rules:
- {apiGroups: [''], apiVersions: [v1], resources: [configmaps], operations: [CREATE]}
mutating: false
protocolVersion: v1
contextAwareResources: [{apiVersion: v1, kind: Namespace}]
annotations: {io.kubewarden.policy.title: not-here}
";

fn place() -> Place {
    Place::new()
        .with("policy.wasm", wat::parse_str(REJECTS).unwrap())
        .with("metadata.yml", METADATA)
        .with("usage.md", "# Say that it is fine\n")
}

#[test]
fn prints_the_answer_that_scripts_of_the_peer_read_and_exits_with_0() {
    let arguments = [
        "run",
        "file://policy.wasm",
        "-r",
        "configmap.yaml",
        "--settings-json",
        r#"{"fine":1}"#,
    ];
    place().prints("kubewarden-run", &arguments);
}

#[test]
fn tells_of_bad_settings_as_the_peer_does() {
    place().prints(
        "kubewarden-settings",
        &["run", "policy.wasm", "-r", "configmap.yaml"],
    );
}

#[test]
fn explains_a_decision_to_people_when_they_ask_for_text() {
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
    place()
        .with("settings.yaml", "fine: true\n")
        .prints("kubewarden-text", &arguments);
}

#[test]
fn writes_metadata_that_inspect_shows() {
    let place = place();
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
    place.prints("kubewarden-annotate", &arguments);
    place.prints("kubewarden-inspect", &["inspect", "annotated.wasm"]);
}

#[test]
fn refuses_metadata_that_says_nothing() {
    let place = place().with("empty.yml", "rules: []\nmutating: false\n");
    let arguments = [
        "annotate",
        "policy.wasm",
        "-m",
        "empty.yml",
        "-o",
        "annotated.wasm",
    ];
    place.prints("kubewarden-no-rules", &arguments);
}

#[test]
fn checks_the_policies_of_the_peers_server() {
    let policies =
        "fine: {module: policy.wasm, settings: {fine: true}}\nbad: {module: policy.wasm}\n";
    place()
        .with("policies.yml", policies)
        .prints("kubewarden-check", &["check", "--policies", "policies.yml"]);
}
