//! `k8s-wasm explain`, `top` and `replay`, with a running server and with its decision log.

use std::fs;

use crate::modules;
use crate::serve::{TestServer, post};
use crate::test_dir::{ACCESS, TOKEN, TestDir};

const CONFIGURATION: &str = "\
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authentication:
  modules: [{name: knows, module: knows.wasm}]
authorization:
  modules: [{name: sundays, module: denies.wasm}]
admission:
  modules:
  - name: values
    module: VALUES.wasm
    rules: [{operations: [\"*\"], apiGroups: [\"*\"], apiVersions: [\"*\"], resources: [\"*\"]}]
lockOutGuard: {exempt: [all]}
";

const SECRET: &str = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"705ab4f5","operation":"CREATE",
    "kind":{"group":"","version":"v1","kind":"Secret"},"resource":{"group":"","version":"v1","resource":"secrets"},
    "namespace":"default","name":"s","userInfo":{"username":"jane"},
    "object":{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":"default"},"data":{"k":"aHVudGVyMg=="}}}}"#;

fn test_dir() -> TestDir {
    TestDir::new()
        .with("policies.yaml", CONFIGURATION.replace("VALUES", "rejects"))
        .with("lenient.yaml", CONFIGURATION.replace("VALUES", "accepts"))
        .with("knows.wasm", modules::knows())
        .with("denies.wasm", modules::denies())
        .with("rejects.wasm", modules::rejects())
        .with("accepts.wasm", modules::accepts())
}

/// Starts a server, and posts a TokenReview, a SubjectAccessReview and an AdmissionReview.
fn server(dir: &TestDir) -> TestServer {
    let arguments = ["--insecure-plaintext", "--decision-log", "decisions.jsonl"];
    let server = TestServer::start(dir, &arguments);
    let address = server.field("address");
    for (path, review) in [("/authn", TOKEN), ("/authz", ACCESS), ("/validate", SECRET)] {
        let response = post(&address, path, review);
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    }
    server
}

/// Runs the program, and returns its exit code and its output.
fn output(dir: &TestDir, arguments: &[&str]) -> (Option<i32>, String) {
    let output = dir.command(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn explains_decisions_of_every_plane() {
    let dir = test_dir();
    let server = server(&dir);
    let admin = server.field("admin");
    let (code, text) = output(&dir, &["explain", "--admin-address", &admin]);
    assert_eq!(code, Some(0), "{text}");
    for words in [
        "authentication: authenticated",
        "the token belongs to magic-user",
        "jane may not list pods",
        "not on a Sunday",
        "jane may not create secrets `s` in namespace `default`",
        "rejected with code 403: <withheld: it may quote a secret>",
        "uid: 705ab4f5",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert!(
        !text.contains("magic-token") && !text.contains("aHVudGVy"),
        "{text}"
    );
}

#[test]
fn finds_a_decision_by_id_and_by_subject() {
    let dir = test_dir();
    let server = server(&dir);
    let admin = server.field("admin");
    for wanted in [
        &["705ab4f5"][..],
        &["3"],
        &["--plane", "validation"],
        &["--refused", "--limit", "1"],
        &["--resource", "secrets", "--user", "jane", "-n", "default"],
    ] {
        let arguments = [
            &["explain", "--admin-address", &admin, "-o", "json"],
            wanted,
        ]
        .concat();
        let (code, text) = output(&dir, &arguments);
        assert_eq!(code, Some(0), "{text}");
        let found: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            found.as_array().map(Vec::len),
            Some(1),
            "{wanted:?}: {text}"
        );
        assert_eq!(found[0]["plane"], "validation", "{wanted:?}");
    }
    let (code, text) = output(
        &dir,
        &["explain", "--admin-address", &admin, "--user", "unknown"],
    );
    assert_eq!(code, Some(2));
    assert!(
        text.contains("no matching decision among the 3 available"),
        "{text}"
    );
}

#[test]
fn reports_an_unreachable_server() {
    let (code, text) = output(&test_dir(), &["explain", "--admin-address", "127.0.0.1:1"]);
    assert_eq!(code, Some(3));
    assert!(
        text.contains("127.0.0.1:1") && text.contains("--admin-listen"),
        "{text}"
    );
}

#[test]
fn top_shows_the_verdicts_of_each_policy() {
    let dir = test_dir();
    let server = server(&dir);
    let admin = server.field("admin");
    let (code, text) = output(&dir, &["top", "--once", "--admin-address", &admin]);
    assert_eq!(code, Some(0), "{text}");
    let row = text.lines().find(|line| line.contains("sundays")).unwrap();
    assert!(
        row.starts_with("authorization") && row.ends_with("denied 1"),
        "{text}"
    );
}

#[test]
fn replays_a_log_with_other_policies() {
    let dir = test_dir();
    let mut server = server(&dir);
    server.signal("-TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    let log = fs::read_to_string(dir.path().join("decisions.jsonl")).unwrap();
    assert_eq!(log.lines().count(), 3);
    assert!(
        !log.contains("magic-token") && !log.contains("aHVudGVy"),
        "{log}"
    );

    let replay = ["replay", "decisions.jsonl", "--config"];
    let (code, text) = output(&dir, &[&replay[..], &["policies.yaml"]].concat());
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("0 different, 2 same, 1 skipped (decisions on tokens)"),
        "{text}"
    );

    let (code, text) = output(&dir, &[&replay[..], &["lenient.yaml"]].concat());
    assert_eq!(code, Some(1), "{text}");
    let expected = "was rejected: <withheld: it may quote a secret>\n  now accepted\n1 different, 1 same, 1 skipped";
    assert!(text.contains(expected), "{text}");

    let (code, text) = output(&dir, &["explain", "-f", "decisions.jsonl", "--refused"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("jane may not list pods"), "{text}");
}

#[test]
fn a_missing_policy_is_a_difference() {
    let line = r#"{"sequence":1,"time":"2026-01-01T00:00:00Z","plane":"validation","policy":"gone","subject":{},"verdict":"accepted","durationMicros":1,"generation":1,"steps":[],"review":{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}}"#;
    let dir = test_dir().with("decisions.jsonl", line);
    let (code, text) = output(
        &dir,
        &["replay", "decisions.jsonl", "--config", "policies.yaml"],
    );
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("was accepted\n  now there is no policy `gone`"),
        "{text}"
    );
}

#[test]
fn removes_control_characters_of_a_file() {
    let line = r#"{"sequence":1,"time":"2026-01-01T00:00:00Z","plane":"authorization","subject":{"user":"\u001b]52;c;x\u0007"},"verdict":"denied","message":"\u202e","durationMicros":1,"generation":1,"steps":[],"uid":"\u001b[0m"}"#;
    let dir = test_dir().with("decisions.jsonl", line);
    let (code, text) = output(&dir, &["explain", "-f", "decisions.jsonl"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        !text.contains('\u{1b}') && !text.contains('\u{202e}'),
        "{text:?}"
    );
}

#[test]
fn skips_invalid_lines_of_a_log() {
    let dir = test_dir().with("broken.jsonl", "{\"sequence\":1\n\n[]\n");
    let (code, text) = output(
        &dir,
        &["replay", "broken.jsonl", "--config", "policies.yaml"],
    );
    assert_eq!(code, Some(2), "{text}");
    for words in [
        "line 1: not a decision",
        "line 3: not a decision",
        "0 different, 0 same, 2 failed",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}
