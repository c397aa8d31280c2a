//! What may the caller do?

use std::time::{Duration, Instant};

use conformance::objects::{self, Resource};
use conformance::{Caller, Cluster, Operation};
use serde_json::json;

use crate::wirings::{IN_PROCESS, IN_PROCESS_DENYING, V1, V1BETA1};

on_each_wiring!(
    members_may_what_the_policy_allows,
    without_an_opinion_rbac_decides,
    a_denial_beats_rbac,
    members_of_system_masters_are_not_asked_about,
    an_access_review_agrees_with_real_requests,
    a_policy_says_who_may_give_away_more_than_it_has,
);

async fn members_may_what_the_policy_allows(cluster: Cluster<'_>) {
    let magic = cluster.with_token("magic-token");
    for verb in ["list", "get", "create", "delete"] {
        magic.may(verb, "configmaps").await;
        magic.may_not(verb, "secrets").await.because("magic-user");
    }
}

async fn without_an_opinion_rbac_decides(cluster: Cluster<'_>) {
    let alice = cluster.as_user("alice", "readers");
    alice.may_not("list", "pods").await.because("alice");
    grant_everything(&cluster, "alice").await;
    alice.may("list", "pods").await;
}

async fn a_denial_beats_rbac(cluster: Cluster<'_>) {
    grant_everything(&cluster, "banned-bob").await;
    let bob = cluster.as_user("banned-bob", "readers");
    bob.may_not("list", "pods")
        .await
        .because("bouncer: you are banned");
}

/// A policy that was asked would deny, and fail.
async fn members_of_system_masters_are_not_asked_about(cluster: Cluster<'_>) {
    cluster
        .as_user("banned-admin", "system:masters")
        .may("list", "secrets")
        .await;
    cluster
        .as_user("trap-admin", "system:masters")
        .may("list", "secrets")
        .await;
}

async fn an_access_review_agrees_with_real_requests(cluster: Cluster<'_>) {
    grant_everything(&cluster, "alice").await;
    let callers = [
        cluster.with_token("magic-token"),
        cluster.as_user("alice", "readers"),
        cluster.as_user("banned-bob", "readers"),
        cluster.admin(),
    ];
    for caller in callers {
        for resource in ["configmaps", "pods", "deployments", "nodes"] {
            for verb in ["list", "get", "create"] {
                agrees(&caller, verb, resource).await;
            }
        }
    }
}

/// RBAC asks about the verb `escalate` when somebody writes a role with more than RBAC gives to that user.
async fn a_policy_says_who_may_give_away_more_than_it_has(cluster: Cluster<'_>) {
    let role = |name: &str| {
        let mut role = Resource::named("roles").object(name);
        role["rules"] = json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"] }]);
        role
    };
    let clerk = cluster.as_user("clerk-carla", "readers");
    let refusal = clerk.asks(role("by-the-clerk")).await;
    let is_escalation = refusal.message().contains("not currently held");
    assert!(refusal.code == 403 && is_escalation, "{refusal}");
    let promoter = cluster.as_user("promoter-paula", "readers");
    promoter.accepts(role("by-the-promoter")).await;
}

#[tokio::test]
async fn after_a_failed_module_without_an_opinion_rbac_decides_or_nobody_does() {
    for cluster in [V1.cluster().await, IN_PROCESS.cluster().await] {
        for user in ["trap-carol", "hang-carol"] {
            let carol = cluster.as_user(user, "readers");
            carol.is_left_without_an_answer("list", "pods").await;
            grant_everything(&cluster, user).await;
            carol.may("list", "pods").await;
        }
    }
}

#[tokio::test]
async fn a_failed_module_that_is_to_deny_beats_rbac() {
    for cluster in [V1BETA1.cluster().await, IN_PROCESS_DENYING.cluster().await] {
        for user in ["trap-dave", "hang-dave"] {
            grant_everything(&cluster, user).await;
            let dave = cluster.as_user(user, "readers");
            dave.may_not("list", "pods")
                .await
                .because("policy `unreliable-authorizer` failed");
        }
    }
}

/// Everything within the namespace, by RBAC. The API server learns of role bindings by a watch: once a witness, about
/// whom no policy has an opinion, profits from the binding, it is in force for `user` too.
async fn grant_everything(cluster: &Cluster<'_>, user: &str) {
    let witness = format!("witness-of-{user}");
    let binding = objects::role_binding(user, &[user, &witness], "cluster-admin");
    cluster.admin().accepts(binding).await;
    let witness = cluster.as_user(&witness, "readers");
    let deadline = Instant::now() + Duration::from_secs(30);
    while !witness.asks(Operation::list("pods")).await.is_success() {
        assert!(
            Instant::now() < deadline,
            "the role binding for {user} is not in force"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn agrees(caller: &Caller, verb: &str, resource: &str) {
    if caller.is_told_that_it_may(verb, resource).await {
        caller.may(verb, resource).await;
    } else {
        caller.may_not(verb, resource).await;
    }
}
