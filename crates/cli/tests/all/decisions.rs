//! Decisions after the fact: `explain`, `top` and `replay`, of a server that runs and of its log.

use std::fs;

use crate::modules;
use crate::place::{ACCESS, Place, TOKEN};
use crate::serve::{Running, post};

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

fn place() -> Place {
    Place::new()
        .with("policies.yaml", CONFIGURATION.replace("VALUES", "rejects"))
        .with("lenient.yaml", CONFIGURATION.replace("VALUES", "accepts"))
        .with("knows.wasm", modules::knows())
        .with("denies.wasm", modules::denies())
        .with("rejects.wasm", modules::rejects())
        .with("accepts.wasm", modules::accepts())
}

/// A server that has decided on a token, an access and a Secret.
fn server(place: &Place) -> Running {
    let arguments = ["--insecure-plaintext", "--decision-log", "decisions.jsonl"];
    let server = Running::start(place, &arguments);
    let address = server.field("address");
    for (path, review) in [("/authn", TOKEN), ("/authz", ACCESS), ("/validate", SECRET)] {
        let answer = post(&address, path, review);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    server
}

/// The exit code and what was printed.
fn output(place: &Place, arguments: &[&str]) -> (Option<i32>, String) {
    let output = place.command(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn every_plane_is_explained_in_words() {
    let place = place();
    let server = server(&place);
    let admin = server.field("admin");
    let (code, text) = output(&place, &["explain", "--admin", &admin]);
    assert_eq!(code, Some(0), "{text}");
    for words in [
        "authentication: authenticated",
        "the token belongs to magic-user",
        "jane may not list pods",
        "not on a Sunday",
        "jane wants to create secrets `s` in namespace `default`, and may not",
        "rejected with 403: <not kept: it may quote a secret>",
        "uid 705ab4f5",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert!(
        !text.contains("magic-token") && !text.contains("aHVudGVy"),
        "{text}"
    );
}

#[test]
fn one_decision_is_found_among_many() {
    let place = place();
    let server = server(&place);
    let admin = server.field("admin");
    for wanted in [
        &["705ab4f5"][..],
        &["3"],
        &["--plane", "validation"],
        &["--refused", "--last", "1"],
        &["--resource", "secrets", "--user", "jane", "-n", "default"],
    ] {
        let arguments = [&["explain", "--admin", &admin, "-o", "json"], wanted].concat();
        let (code, text) = output(&place, &arguments);
        assert_eq!(code, Some(0), "{text}");
        let found: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            found.as_array().map(Vec::len),
            Some(1),
            "{wanted:?}: {text}"
        );
        assert_eq!(found[0]["plane"], "validation", "{wanted:?}");
    }
    let (code, text) = output(&place, &["explain", "--admin", &admin, "--user", "nobody"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("none of the 3 decisions"), "{text}");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let (code, text) = output(&place(), &["explain", "--admin", "127.0.0.1:1"]);
    assert_eq!(code, Some(3));
    assert!(
        text.contains("127.0.0.1:1") && text.contains("--admin-listen"),
        "{text}"
    );
}

#[test]
fn top_shows_what_each_policy_answers() {
    let place = place();
    let server = server(&place);
    let admin = server.field("admin");
    let (code, text) = output(&place, &["top", "--once", "--admin", &admin]);
    assert_eq!(code, Some(0), "{text}");
    let row = text.lines().find(|line| line.contains("sundays")).unwrap();
    assert!(
        row.starts_with("authorization") && row.ends_with("denied 1"),
        "{text}"
    );
}

#[test]
fn a_log_is_replayed_against_other_policies() {
    let place = place();
    let mut server = server(&place);
    server.signal("-TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    let log = fs::read_to_string(place.path().join("decisions.jsonl")).unwrap();
    assert_eq!(log.lines().count(), 3);
    assert!(
        !log.contains("magic-token") && !log.contains("aHVudGVy"),
        "{log}"
    );

    let replay = ["replay", "decisions.jsonl", "--config"];
    let (code, text) = output(&place, &[&replay[..], &["policies.yaml"]].concat());
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("0 would differ, 2 would not\n1 on tokens"),
        "{text}"
    );

    let (code, text) = output(&place, &[&replay[..], &["lenient.yaml"]].concat());
    assert_eq!(code, Some(1), "{text}");
    let expected = "was rejected: <not kept: it may quote a secret>\n  now accepted\n1 would differ, 1 would not\n";
    assert!(text.contains(expected), "{text}");

    let (code, text) = output(&place, &["explain", "-f", "decisions.jsonl", "--refused"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("jane may not list pods"), "{text}");
}

#[test]
fn a_policy_that_is_gone_is_a_difference() {
    let line = r#"{"sequence":1,"time":"2026-01-01T00:00:00Z","plane":"validation","policy":"gone","subject":{},"verdict":"accepted","durationMicros":1,"generation":1,"steps":[],"review":{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}}"#;
    let place = place().with("decisions.jsonl", line);
    let (code, text) = output(
        &place,
        &["replay", "decisions.jsonl", "--config", "policies.yaml"],
    );
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("was accepted\n  now there is no policy `gone`"),
        "{text}"
    );
}

#[test]
fn what_a_file_says_does_nothing_to_a_terminal() {
    let line = r#"{"sequence":1,"time":"\u001b[2J","plane":"authorization","subject":{"user":"\u001b]52;c;x\u0007"},"verdict":"denied","message":"\u202e","durationMicros":1,"generation":1,"steps":[],"uid":"\u001b[0m"}"#;
    let place = place().with("decisions.jsonl", line);
    let (code, text) = output(&place, &["explain", "-f", "decisions.jsonl"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        !text.contains('\u{1b}') && !text.contains('\u{202e}'),
        "{text:?}"
    );
}

#[test]
fn a_damaged_line_of_a_log_is_named_and_the_rest_is_replayed() {
    let place = place().with("broken.jsonl", "{\"sequence\":1\n\n[]\n");
    let (code, text) = output(
        &place,
        &["replay", "broken.jsonl", "--config", "policies.yaml"],
    );
    assert_eq!(code, Some(2), "{text}");
    for words in [
        "line 1 is no decision",
        "line 3 is no decision",
        "2 could not be asked",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}
