//! Tests of the admin port.

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
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn status_lists_the_policies_and_their_generation() {
    let server = Setup::magic().start().await;
    let before = status(&server).await;
    assert_eq!(before["ready"], true);
    assert_eq!(before["generation"], 1);
    assert_eq!(before["policies"][0]["plane"], "authentication");
    let digest = before["policies"][0]["digest"].as_str().unwrap();
    assert!(digest.starts_with("sha256:"), "{digest}");
    assert_eq!(before["policies"][0]["protocol"], "wasi");
    assert_eq!(before["policies"][0]["entryPoint"], "authn");

    let folder = crate::pki::Folder::new();
    let configuration = "authorization:\n  modules:\n  - {name: other, module: ./other.wasm}\n";
    let modules = [("other.wasm", modules::authorizer())];
    let other = running::host(&folder, configuration, &modules);
    server.handle.replace(&other);
    let after = status(&server).await;
    assert_eq!(after["generation"], 2);
    assert_eq!(after["policies"][0]["name"], "other");
}

#[tokio::test]
async fn status_shows_a_failed_reload_until_one_succeeds() {
    let server = Setup::magic().start().await;
    server
        .handle
        .record_failed_reload("line 3: no such module".to_owned());
    let failed = status(&server).await;
    assert_eq!(failed["reloadError"], "line 3: no such module");
    assert_eq!(failed["ready"], true);
    assert_eq!(failed["generation"], 1);

    let folder = crate::pki::Folder::new();
    server.handle.replace(&running::host(&folder, "", &[]));
    assert!(status(&server).await.get("reloadError").is_none());
}

#[tokio::test]
async fn a_post_requests_a_reload() {
    let server = Setup::magic().start().await;
    assert_eq!(probe(server.admin, "GET", "/reload").await.0, 405);
    assert_eq!(probe(server.admin, "POST", "/reload").await.0, 202);
    server.handle.reload_requested().await;
}

fn records(body: &str) -> Vec<Record> {
    let body: Value = serde_json::from_str(body).unwrap();
    serde_json::from_value(body["decisions"].clone()).unwrap()
}

/// Starts a server with an authenticator that traps and one that knows every token.
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
async fn labels_of_metrics_contain_configured_names_only() {
    let server = two_authenticators().await;
    server.post("/authn", token_review("v1")).await;
    server.post("/authn", token_review("v1beta1")).await;
    server.post("/hunter2", "{}").await;
    let (code, text) = probe(server.admin, "GET", "/metrics").await;
    assert_eq!(code, 200);
    for line in [
        r#"k8s_wasm_decisions_total{plane="authentication",verdict="authenticated"} 2"#,
        r#"k8s_wasm_decision_duration_seconds_count{plane="authentication"} 2"#,
        r#"k8s_wasm_policy_evaluations_total{plane="authentication",policy="magic",mode="protect",verdict="authenticated"} 2"#,
        r#"k8s_wasm_policy_failures_total{plane="authentication",policy="broken",mode="protect",kind="trap"} 2"#,
        r#"k8s_wasm_rejected_requests_total{reason="NotFound"} 1"#,
        "k8s_wasm_config_generation 1",
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
async fn decisions_contain_the_trace_and_no_token() {
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
    let verdicts = last.steps.iter().filter_map(|step| step.verdict());
    let verdicts: Vec<_> = verdicts.map(|verdict| verdict.as_str()).collect();
    assert_eq!(verdicts, ["failed", "authenticated"]);

    let (_, body) = probe(server.admin, "GET", "/decisions?after=1").await;
    assert_eq!(records(&body), decisions[1..]);
}

#[tokio::test]
async fn metrics_contain_the_expiration_of_the_certificate() {
    let server = Setup::magic().tls(&Authority::new()).start().await;
    let (_, text) = probe(server.admin, "GET", "/metrics").await;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("k8s_wasm_certificate_expiration_timestamp_seconds "));
    let expiration: f64 = line.unwrap().parse().unwrap();
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    assert!(expiration > now.as_secs_f64(), "{expiration}");
}
