//! Stories of Kubewarden policies in each execution mode.

use conformance::Cluster;
use serde_json::{Value, json};

on_each_wiring!(
    a_wapc_policy_mutates,
    a_wasi_policy_validates,
    an_opa_policy_validates,
    a_gatekeeper_policy_validates,
);

async fn a_wapc_policy_mutates(cluster: Cluster<'_>) {
    cluster
        .admin()
        .stores(object("ServiceAccount", "labelled", json!({})))
        .await
        .with("/metadata/labels/team", "blue");
}

async fn a_wasi_policy_validates(cluster: Cluster<'_>) {
    let admin = cluster.admin();
    let limits = |name, annotations| {
        let mut limits = object("LimitRange", name, json!({"spec": {"limits": []}}));
        limits["metadata"]["annotations"] = annotations;
        limits
    };
    admin
        .rejects(limits("without-owner", json!({})))
        .await
        .because("owned-limits: ")
        .because("owner");
    admin
        .accepts(limits("with-owner", json!({"owner": "blue"})))
        .await;
}

async fn an_opa_policy_validates(cluster: Cluster<'_>) {
    let admin = cluster.admin();
    let pod = |name, privileged| {
        let container = json!({
            "name": "main", "image": "example.org/main",
            "securityContext": {"privileged": privileged},
        });
        object("Pod", name, json!({"spec": {"containers": [container]}}))
    };
    admin
        .rejects(pod("privileged", true))
        .await
        .because("privileged-pods: container main is privileged");
    admin.accepts(pod("unprivileged", false)).await;
}

async fn a_gatekeeper_policy_validates(cluster: Cluster<'_>) {
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

/// Creates an object of the core group with the fields of `rest`.
fn object(kind: &str, name: &str, mut rest: Value) -> Value {
    rest["apiVersion"] = "v1".into();
    rest["kind"] = kind.into();
    rest["metadata"] = json!({"name": name});
    rest
}
