//! Stories of authorization: policies together with RBAC.

use std::time::{Duration, Instant};

use conformance::objects::{self, Resource};
use conformance::{Caller, Cluster, Operation};
use serde_json::json;

use crate::wirings::{IN_PROCESS, IN_PROCESS_DENYING, V1, V1BETA1};

on_each_wiring!(
    allows_members_as_the_policy_does,
    rbac_decides_without_an_opinion,
    a_denial_overrides_rbac,
    does_not_evaluate_members_of_system_masters,
    an_access_review_agrees_with_real_requests,
    a_policy_may_allow_privilege_escalation,
);

async fn allows_members_as_the_policy_does(cluster: Cluster<'_>) {
    let magic = cluster.with_token("magic-token");
    for verb in ["list", "get", "create", "delete"] {
        magic.may(verb, "configmaps").await;
        magic.may_not(verb, "secrets").await.because("magic-user");
    }
}

async fn rbac_decides_without_an_opinion(cluster: Cluster<'_>) {
    let alice = cluster.as_user("alice", "readers");
    alice.may_not("list", "pods").await.because("alice");
    grant_everything(&cluster, "alice").await;
    alice.may("list", "pods").await;
}

async fn a_denial_overrides_rbac(cluster: Cluster<'_>) {
    grant_everything(&cluster, "banned-bob").await;
    let bob = cluster.as_user("banned-bob", "readers");
    bob.may_not("list", "pods")
        .await
        .because("bouncer: you are banned");
}

/// The policies would deny these users, and fail for them.
async fn does_not_evaluate_members_of_system_masters(cluster: Cluster<'_>) {
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

/// RBAC checks the verb `escalate` when a user writes a role with more permissions than RBAC grants
/// to that user.
async fn a_policy_may_allow_privilege_escalation(cluster: Cluster<'_>) {
    let role = |name: &str| {
        let mut role = Resource::named("roles").object(name);
        role["rules"] = json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"] }]);
        role
    };
    let clerk = cluster.as_user("clerk-carla", "readers");
    let refusal = clerk.sends(role("by-the-clerk")).await;
    let is_escalation = refusal.message().contains("not currently held");
    assert!(refusal.code == 403 && is_escalation, "{refusal}");
    let promoter = cluster.as_user("promoter-paula", "readers");
    promoter.accepts(role("by-the-promoter")).await;
}

#[tokio::test]
async fn after_a_failure_rbac_decides_or_there_is_no_decision() {
    for cluster in [V1.cluster().await, IN_PROCESS.cluster().await] {
        for user in ["trap-carol", "hang-carol"] {
            let carol = cluster.as_user(user, "readers");
            carol.gets_no_decision("list", "pods").await;
            grant_everything(&cluster, user).await;
            carol.may("list", "pods").await;
        }
    }
}

#[tokio::test]
async fn a_failure_with_failure_policy_deny_overrides_rbac() {
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

/// Grants `user` everything within the namespace by RBAC. The API server watches role bindings: the
/// binding is active for `user` when it is for a witness, for whom no policy has an opinion.
async fn grant_everything(cluster: &Cluster<'_>, user: &str) {
    let witness = format!("witness-of-{user}");
    let binding = objects::role_binding(user, &[user, &witness], "cluster-admin");
    cluster.admin().accepts(binding).await;
    let witness = cluster.as_user(&witness, "readers");
    let deadline = Instant::now() + Duration::from_secs(30);
    while !witness.sends(Operation::list("pods")).await.is_success() {
        assert!(
            Instant::now() < deadline,
            "the role binding for {user} does not take effect"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn agrees(caller: &Caller, verb: &str, resource: &str) {
    if caller.can_i(verb, resource).await {
        caller.may(verb, resource).await;
    } else {
        caller.may_not(verb, resource).await;
    }
}
