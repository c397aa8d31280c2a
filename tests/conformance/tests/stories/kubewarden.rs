//! Do Kubewarden policies decide in each of their execution modes?

use conformance::Cluster;
use serde_json::{Value, json};

on_each_wiring!(
    a_wapc_policy_changes_what_is_stored,
    a_wasi_policy_decides,
    a_rego_policy_for_opa_decides,
    a_rego_policy_for_gatekeeper_decides,
);

async fn a_wapc_policy_changes_what_is_stored(cluster: Cluster<'_>) {
    cluster
        .admin()
        .stores(object("ServiceAccount", "labelled", json!({})))
        .await
        .with("/metadata/labels/team", "blue");
}

async fn a_wasi_policy_decides(cluster: Cluster<'_>) {
    let admin = cluster.admin();
    let limits = |name, annotations| {
        let mut limits = object("LimitRange", name, json!({"spec": {"limits": []}}));
        limits["metadata"]["annotations"] = annotations;
        limits
    };
    admin
        .rejects(limits("nobodys", json!({})))
        .await
        .because("owned-limits: ")
        .because("owner");
    admin
        .accepts(limits("somebodys", json!({"owner": "blue"})))
        .await;
}

async fn a_rego_policy_for_opa_decides(cluster: Cluster<'_>) {
    let admin = cluster.admin();
    let pod = |name, privileged| {
        let container = json!({
            "name": "main", "image": "example.org/main",
            "securityContext": {"privileged": privileged},
        });
        object("Pod", name, json!({"spec": {"containers": [container]}}))
    };
    admin
        .rejects(pod("mighty", true))
        .await
        .because("privileged-pods: container main is privileged");
    admin.accepts(pod("modest", false)).await;
}

async fn a_rego_policy_for_gatekeeper_decides(cluster: Cluster<'_>) {
    let admin = cluster.admin();
    let quota = |name, labels| {
        let mut quota = object(
            "ResourceQuota",
            name,
            json!({"spec": {"hard": {"pods": "3"}}}),
        );
        quota["metadata"]["labels"] = labels;
        quota
    };
    admin
        .rejects(quota("without", json!({})))
        .await
        .because("labelled-quotas: ")
        .because("lacks the labels team");
    admin
        .rejects(quota("wrong", json!({"team": "7"})))
        .await
        .because("does not match");
    admin.accepts(quota("right", json!({"team": "blue"}))).await;
}

/// An object of the core group with the members of `rest`.
fn object(kind: &str, name: &str, mut rest: Value) -> Value {
    rest["apiVersion"] = "v1".into();
    rest["kind"] = kind.into();
    rest["metadata"] = json!({"name": name});
    rest
}
