//! Who is the caller?

use conformance::Cluster;
use serde_json::json;

on_each_wiring!(
    the_magic_token_logs_in,
    an_unknown_token_does_not_log_in,
    without_a_token_one_is_anonymous,
    a_certificate_needs_no_policy,
    a_trapping_module_logs_nobody_in_and_is_in_nobodys_way,
    a_hanging_module_logs_nobody_in_and_is_in_nobodys_way,
    a_module_after_a_failed_one_is_asked,
    a_token_review_agrees_with_a_login,
);

async fn the_magic_token_logs_in(cluster: Cluster<'_>) {
    let identity = cluster
        .with_token("magic-token")
        .logs_in_as("magic-user", ["magic-group"])
        .await;
    assert_eq!(identity.uid, "0");
}

async fn an_unknown_token_does_not_log_in(cluster: Cluster<'_>) {
    cluster.with_token("no-such-token").cannot_log_in().await;
}

async fn without_a_token_one_is_anonymous(cluster: Cluster<'_>) {
    cluster
        .without_credentials()
        .may_not("list", "configmaps")
        .await
        .because("system:anonymous");
}

async fn a_certificate_needs_no_policy(cluster: Cluster<'_>) {
    cluster
        .as_user("alice", "readers")
        .logs_in_as("alice", ["readers"])
        .await;
}

async fn a_trapping_module_logs_nobody_in_and_is_in_nobodys_way(cluster: Cluster<'_>) {
    cluster.with_token("trap-me").cannot_log_in().await;
    cluster
        .with_token("magic-token")
        .logs_in_as("magic-user", ["magic-group"])
        .await;
}

async fn a_hanging_module_logs_nobody_in_and_is_in_nobodys_way(cluster: Cluster<'_>) {
    cluster.with_token("hang-me").cannot_log_in().await;
    cluster
        .with_token("magic-token")
        .logs_in_as("magic-user", ["magic-group"])
        .await;
}

async fn a_module_after_a_failed_one_is_asked(cluster: Cluster<'_>) {
    cluster
        .with_token("trap-but-also-lottery")
        .logs_in_as("winner", [])
        .await;
    cluster
        .with_token("hang-but-also-lottery")
        .logs_in_as("winner", [])
        .await;
}

/// What kubelets and aggregated API servers ask; the API server's own audience is its issuer's URL.
async fn a_token_review_agrees_with_a_login(cluster: Cluster<'_>) {
    let review = |token: &str, audiences: &[&str]| {
        json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
            "spec": { "token": token, "audiences": audiences },
        })
    };
    let ask = async |token: &str, audiences: &[&str]| {
        const PATH: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
        let reply = cluster.admin().posts(PATH, &review(token, audiences)).await;
        assert!(reply.is_success(), "{reply}");
        reply.body["status"].clone()
    };
    let status = ask("magic-token", &[]).await;
    assert_eq!(status["authenticated"], true, "{status}");
    assert_eq!(status["user"]["username"], "magic-user");

    let issuer = cluster.running().apiserver.url.as_str();
    let status = ask("magic-token", &[issuer]).await;
    assert_eq!(status["authenticated"], true, "{status}");
    assert_eq!(status["audiences"], json!([issuer]));

    let status = ask("magic-token", &["somebody-else"]).await;
    assert_ne!(status["authenticated"], true, "{status}");
    let status = ask("no-such-token", &[]).await;
    assert_ne!(status["authenticated"], true, "{status}");
}
