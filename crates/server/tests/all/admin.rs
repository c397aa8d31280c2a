//! What the port for operators tells, and takes.

use std::time::SystemTime;

use host::Verdict;
use observe::Record;
use serde_json::Value;

use crate::modules;
use crate::pki::Authority;
use crate::reviews::{probe, token_review};
use crate::running::{self, Running, Setup};

async fn status(server: &Running) -> Value {
    let (code, body) = probe(server.admin, "GET", "/status").await;
    assert_eq!(code, 200, "{body}");
    serde_json::from_str(&body).expect("JSON")
}

#[tokio::test]
async fn the_status_names_the_policies_and_counts_their_changes() {
    let server = Setup::magic().start().await;
    let before = status(&server).await;
    assert_eq!(before["ready"], true);
    assert_eq!(before["generation"], 1);
    assert_eq!(before["policies"][0]["plane"], "authentication");
    let digest = before["policies"][0]["digest"].as_str().expect("a digest");
    assert!(digest.starts_with("sha256:"), "{digest}");

    let folder = crate::pki::Folder::new();
    let configuration = "authorization:\n  modules:\n  - {name: other, module: ./other.wasm}\n";
    let modules = [("other.wasm", modules::authorizer())];
    let other = running::host(&folder, configuration, &modules);
    server.handle.replace(other);
    let after = status(&server).await;
    assert_eq!(after["generation"], 2);
    assert_eq!(after["policies"][0]["name"], "other");
}

#[tokio::test]
async fn a_change_that_does_not_load_is_shown_until_one_does() {
    let server = Setup::magic().start().await;
    server.handle.keep("line 3: no such module".to_owned());
    let kept = status(&server).await;
    assert_eq!(kept["problem"], "line 3: no such module");
    assert_eq!(kept["ready"], true);
    assert_eq!(kept["generation"], 1);

    let folder = crate::pki::Folder::new();
    server.handle.replace(running::host(&folder, "", &[]));
    assert!(status(&server).await.get("problem").is_none());
}

#[tokio::test]
async fn a_reload_can_be_asked_for_by_hand() {
    let server = Setup::magic().start().await;
    assert_eq!(probe(server.admin, "GET", "/reload").await.0, 405);
    assert_eq!(probe(server.admin, "POST", "/reload").await.0, 202);
    server.handle.reload_requested().await;
}

fn records(body: &str) -> Vec<Record> {
    let body: Value = serde_json::from_str(body).expect("JSON");
    serde_json::from_value(body["decisions"].clone()).expect("records")
}

/// With one authenticator that knows everybody and one that traps.
async fn two_authenticators() -> Running {
    let configuration = "authentication:\n  modules:\n  - {name: broken, module: ./broken.wasm}\n  - {name: magic, module: ./magic.wasm}\n";
    let modules = [
        ("broken.wasm", modules::trapping("authn")),
        ("magic.wasm", modules::authenticator()),
    ];
    Setup::new(configuration, modules).start().await
}

/// S22: labels of metrics are bounded.
#[tokio::test]
async fn metrics_count_decisions_by_configured_names_only() {
    let server = two_authenticators().await;
    server.post("/authn", token_review("v1")).await;
    server.post("/authn", token_review("v1beta1")).await;
    server.post("/hunter2", "{}").await;
    let (code, text) = probe(server.admin, "GET", "/metrics").await;
    assert_eq!(code, 200);
    for line in [
        r#"k8s_wasm_decisions_total{plane="authentication",verdict="authenticated"} 2"#,
        r#"k8s_wasm_decision_duration_seconds_count{plane="authentication"} 2"#,
        r#"k8s_wasm_policy_answers_total{plane="authentication",policy="magic",mode="protect",answer="authenticated"} 2"#,
        r#"k8s_wasm_policy_failures_total{plane="authentication",policy="broken",mode="protect",kind="trap"} 2"#,
        r#"k8s_wasm_refused_requests_total{reason="NotFound"} 1"#,
        "k8s_wasm_configuration_generation 1",
        "k8s_wasm_calls_total 4",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert!(
        !text.contains("hunter2") && !text.contains("secret-token"),
        "{text}"
    );
}

#[tokio::test]
async fn the_last_decisions_are_told_with_their_reasons_and_without_tokens() {
    let server = two_authenticators().await;
    server.post("/authn", token_review("v1")).await;
    server.post("/authn", token_review("v1")).await;
    let (code, body) = probe(server.admin, "GET", "/decisions").await;
    assert_eq!(code, 200);
    assert!(!body.contains("secret-token"), "{body}");
    let decisions = records(&body);
    let [_, last] = decisions.as_slice() else {
        panic!("two decisions: {body}");
    };
    assert_eq!(last.verdict, Verdict::Authenticated);
    assert_eq!(last.subject.user, "magic-user");
    let answers: Vec<_> = last
        .steps
        .iter()
        .filter_map(|step| step.verdict())
        .collect();
    let words: Vec<_> = answers.iter().map(|answer| answer.as_str()).collect();
    assert_eq!(words, ["failed", "authenticated"]);

    let (_, body) = probe(server.admin, "GET", "/decisions?after=1").await;
    assert_eq!(records(&body), decisions[1..]);
}

#[tokio::test]
async fn metrics_tell_when_the_certificate_expires() {
    let server = Setup::magic().tls(&Authority::new()).start().await;
    let (_, text) = probe(server.admin, "GET", "/metrics").await;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("k8s_wasm_certificate_expiry_timestamp_seconds "));
    let expiry: f64 = line.expect("the line").parse().expect("a number");
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970");
    assert!(expiry > now.as_secs_f64(), "{expiry}");
}
