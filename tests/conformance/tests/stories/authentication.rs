//! Stories of authentication: tokens, certificates and failed policies.

use conformance::Cluster;
use serde_json::json;

on_each_wiring!(
    authenticates_the_magic_token,
    rejects_an_unknown_token,
    is_anonymous_without_a_token,
    authenticates_a_certificate_without_policies,
    a_trapping_module_authenticates_no_one_and_does_not_block_others,
    a_hanging_module_authenticates_no_one_and_does_not_block_others,
    evaluates_the_next_module_after_a_failure,
    a_token_review_agrees_with_authentication,
);

async fn authenticates_the_magic_token(cluster: Cluster<'_>) {
    let identity = cluster
        .with_token("magic-token")
        .logs_in_as("magic-user", ["magic-group"])
        .await;
    assert_eq!(identity.uid, "0");
}

async fn rejects_an_unknown_token(cluster: Cluster<'_>) {
    cluster.with_token("no-such-token").cannot_log_in().await;
}

async fn is_anonymous_without_a_token(cluster: Cluster<'_>) {
    cluster
        .without_credentials()
        .may_not("list", "configmaps")
        .await
        .because("system:anonymous");
}

async fn authenticates_a_certificate_without_policies(cluster: Cluster<'_>) {
    cluster
        .as_user("alice", "readers")
        .logs_in_as("alice", ["readers"])
        .await;
}

async fn a_trapping_module_authenticates_no_one_and_does_not_block_others(cluster: Cluster<'_>) {
    cluster.with_token("trap-me").cannot_log_in().await;
    cluster
        .with_token("magic-token")
        .logs_in_as("magic-user", ["magic-group"])
        .await;
}

async fn a_hanging_module_authenticates_no_one_and_does_not_block_others(cluster: Cluster<'_>) {
    cluster.with_token("hang-me").cannot_log_in().await;
    cluster
        .with_token("magic-token")
        .logs_in_as("magic-user", ["magic-group"])
        .await;
}

async fn evaluates_the_next_module_after_a_failure(cluster: Cluster<'_>) {
    cluster
        .with_token("trap-but-also-lottery")
        .logs_in_as("winner", [])
        .await;
    cluster
        .with_token("hang-but-also-lottery")
        .logs_in_as("winner", [])
        .await;
}

/// Kubelets and aggregated API servers send TokenReviews. The API server's own audience is the URL
/// of its issuer.
async fn a_token_review_agrees_with_authentication(cluster: Cluster<'_>) {
    let review = |token: &str, audiences: &[&str]| {
        json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
            "spec": { "token": token, "audiences": audiences },
        })
    };
    let review_token = async |token: &str, audiences: &[&str]| {
        const PATH: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
        let reply = cluster.admin().posts(PATH, &review(token, audiences)).await;
        assert!(reply.is_success(), "{reply}");
        reply.body["status"].clone()
    };
    let status = review_token("magic-token", &[]).await;
    assert_eq!(status["authenticated"], true, "{status}");
    assert_eq!(status["user"]["username"], "magic-user");

    let issuer = cluster.running().apiserver.url.as_str();
    let status = review_token("magic-token", &[issuer]).await;
    assert_eq!(status["authenticated"], true, "{status}");
    assert_eq!(status["audiences"], json!([issuer]));

    let status = review_token("magic-token", &["another-audience"]).await;
    assert_ne!(status["authenticated"], true, "{status}");
    let status = review_token("no-such-token", &[]).await;
    assert_ne!(status["authenticated"], true, "{status}");
}
