//! Tests of the responses to reviews whose policies fail.

use serde_json::Value;

use crate::modules;
use crate::reviews::*;
use crate::running::Setup;

#[tokio::test]
async fn returns_the_failure_of_an_authenticator_inside_the_review() {
    let modules = [("bad.wasm", modules::trapping("authn"))];
    let server = Setup::new("authentication: {modules: [{module: bad.wasm}]}", modules)
        .start()
        .await;
    let reply = server.post("/authn", token_review("v1")).await;
    check_review(&reply, "authentication.k8s.io/v1", "TokenReview");
    assert_ne!(reply.body["status"]["authenticated"], Value::Bool(true));
    assert!(
        reply.body["status"]["error"]
            .as_str()
            .is_some_and(|error| error.contains("bad.wasm")),
        "{reply:?}"
    );
}

#[tokio::test]
async fn responds_with_503_without_retry_after_if_an_authorizer_fails() {
    let modules = [("bad.wasm", modules::trapping("authz"))];
    let server = Setup::new("authorization: {modules: [{module: bad.wasm}]}", modules)
        .start()
        .await;
    let reply = server.post("/authz", access_review("v1")).await;
    assert!(
        reply
            .is_failure(503, "ServiceUnavailable")
            .message()
            .contains("bad.wasm")
    );
    assert!(!reply.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn responds_with_500_or_a_warning_if_an_admission_policy_fails() {
    let modules = [("bad.wasm", modules::trapping("validate"))];
    let server = Setup::new(&admission("bad.wasm", "Fail"), modules.clone())
        .start()
        .await;
    let reply = server.post("/validate", admission_review("v1", 0)).await;
    assert!(
        reply
            .is_failure(500, "InternalError")
            .message()
            .contains("bad.wasm")
    );

    let server = Setup::new(&admission("bad.wasm", "Ignore"), modules)
        .start()
        .await;
    let reply = server.post("/validate", admission_review("v1", 0)).await;
    check_review(&reply, "admission.k8s.io/v1", "AdmissionReview");
    assert_eq!(reply.body["response"]["allowed"], true);
    assert!(
        reply.body["response"]["warnings"][0].is_string(),
        "{reply:?}"
    );
}

/// S5: calls end before the caller gives up, and when it leaves.
#[tokio::test]
async fn stops_an_endless_module_before_the_timeout_of_the_request() {
    let modules = [("loop.wasm", modules::endless("authz"))];
    let server = Setup::new(
        "authorization: {modules: [{module: loop.wasm, timeout: 30s}]}",
        modules,
    )
    .start()
    .await;
    let start = std::time::Instant::now();
    let reply = server.post("/authz?timeout=1s", access_review("v1")).await;
    reply.is_failure(503, "ServiceUnavailable");
    assert!(
        start.elapsed() >= std::time::Duration::from_millis(900),
        "the policy gets most of the timeout"
    );
}
