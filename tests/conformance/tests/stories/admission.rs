//! Stories of admission: accepted, rejected and mutated objects.

use std::time::{Duration, Instant};

use conformance::objects::{Resource, configmap, deployment, gadget_definition};
use conformance::{Cluster, Operation};
use serde_json::json;

on_each_wiring!(
    sets_the_magic_value_in_configmaps,
    sets_the_magic_value_again_on_update,
    rejects_a_configmap_with_a_forbidden_key,
    reports_every_rejection,
    sends_warnings_to_the_client,
    evaluates_a_dry_run_without_storing_it,
    evaluates_deletions,
    evaluates_a_subresource_but_not_its_resource,
    evaluates_a_configmap_of_a_megabyte,
    adds_defaults_to_mutated_objects,
    mutates_and_validates_custom_resources,
    evaluates_exec_into_a_pod,
);

async fn sets_the_magic_value_in_configmaps(cluster: Cluster<'_>) {
    let magic = cluster.with_token("magic-token");
    magic
        .stores(configmap("plain", [("key", "value")]))
        .await
        .with("/data/key", "value")
        .with("/data/magic-value", "foobar")
        .no_warning();
}

async fn sets_the_magic_value_again_on_update(cluster: Cluster<'_>) {
    let admin = cluster.admin();
    admin.accepts(configmap("changing", [("key", "one")])).await;
    admin
        .stores(Operation::replace(configmap(
            "changing",
            [("key", "two"), ("magic-value", "mine")],
        )))
        .await
        .with("/data/key", "two")
        .with("/data/magic-value", "foobar");
}

async fn rejects_a_configmap_with_a_forbidden_key(cluster: Cluster<'_>) {
    let admin = cluster.admin();
    let forbidden = configmap("forbidden", [("not-allowed-value", "")]);
    admin
        .rejects(forbidden)
        .await
        .because("magic-validator: value not-allowed-value not allowed in configmap");
    admin.finds_no("configmaps", "forbidden").await;
}

async fn reports_every_rejection(cluster: Cluster<'_>) {
    let doubly_wrong = configmap(
        "doubly-wrong",
        [("not-allowed-value", ""), ("also-not-allowed", "")],
    );
    cluster
        .admin()
        .rejects(doubly_wrong)
        .await
        .because("magic-validator: value not-allowed-value")
        .because("second-opinion: also not allowed");
}

async fn sends_warnings_to_the_client(cluster: Cluster<'_>) {
    let admin = cluster.admin();
    admin
        .stores(configmap("odd", [("please-warn", "me")]))
        .await
        .warning("as requested");
}

async fn evaluates_a_dry_run_without_storing_it(cluster: Cluster<'_>) {
    let admin = cluster.admin();
    admin
        .accepts(Operation::create(configmap("ghost", [])).dry_run())
        .await
        .with("/data/magic-value", "foobar")
        .warning("only a dry run");
    admin.finds_no("configmaps", "ghost").await;
    let forbidden = configmap("ghost", [("not-allowed-value", "")]);
    admin
        .rejects(Operation::create(forbidden).dry_run())
        .await
        .because("not allowed");
}

async fn evaluates_deletions(cluster: Cluster<'_>) {
    let admin = cluster.admin();
    for name in ["keep-me", "delete-me"] {
        admin.stores(configmap(name, [])).await;
    }
    admin
        .rejects(Operation::delete("configmaps", "keep-me"))
        .await
        .because("keeper: it must stay");
    admin.accepts(Operation::get("configmaps", "keep-me")).await;
    admin
        .accepts(Operation::delete("configmaps", "delete-me"))
        .await;
    admin.finds_no("configmaps", "delete-me").await;
}

async fn evaluates_a_subresource_but_not_its_resource(cluster: Cluster<'_>) {
    let admin = cluster.admin();
    admin.accepts(deployment("web", 1)).await;
    admin
        .accepts(Operation::scale("web", 3))
        .await
        .with("/spec/replicas", 3);
    admin
        .rejects(Operation::scale("web", 99))
        .await
        .because("scale-guard: 99 is too many");
    admin
        .accepts(Operation::replace(deployment("web", 99)))
        .await
        .with("/spec/replicas", 99);
}

async fn evaluates_a_configmap_of_a_megabyte(cluster: Cluster<'_>) {
    /// Kubernetes allows 1 MiB of data.
    const BYTES: usize = 1_000_000;
    let admin = cluster.admin();
    let filler = "x".repeat(BYTES);
    admin
        .stores(configmap("large", [("filler", filler.as_str())]))
        .await
        .with("/data/filler", filler.as_str())
        .with("/data/magic-value", "foobar");
    let forbidden = configmap(
        "large-and-forbidden",
        [("filler", filler.as_str()), ("not-allowed-value", "")],
    );
    admin.rejects(forbidden).await.because("not allowed");
}

/// The API server sets defaults before policies evaluate an object, and again after they mutate it.
async fn adds_defaults_to_mutated_objects(cluster: Cluster<'_>) {
    let mut object = deployment("with-sidecar", 1);
    object["metadata"]["annotations"] = json!({ "please-add-a-sidecar": "" });
    cluster
        .admin()
        .stores(object)
        .await
        .with("/spec/template/spec/containers/1/name", "sidecar")
        .with(
            "/spec/template/spec/containers/1/terminationMessagePath",
            "/dev/termination-log",
        )
        .without("/spec/noSuchField");
}

async fn mutates_and_validates_custom_resources(cluster: Cluster<'_>) {
    let admin = cluster.admin();
    admin.accepts(gadget_definition()).await;
    let gadget = |name, data| {
        let mut gadget = Resource::named("gadgets").object(name);
        gadget["data"] = data;
        gadget
    };
    // The API server takes a moment to serve the new resource.
    let deadline = Instant::now() + Duration::from_secs(30);
    while admin.sends(Operation::list("gadgets")).await.code == 404 {
        assert!(
            Instant::now() < deadline,
            "the API server does not serve gadgets"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    admin
        .stores(gadget("fine", json!({ "key": "value" })))
        .await
        .with("/data/key", "value")
        .with("/data/magic-value", "foobar");
    admin
        .rejects(gadget("wrong", json!({ "not-allowed-value": "" })))
        .await
        .because("magic-gadget-validator");
}

async fn evaluates_exec_into_a_pod(cluster: Cluster<'_>) {
    let admin = cluster.admin();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "with-shell" },
        "spec": { "containers": [{ "name": "main", "image": "example.com/main" }] },
    });
    admin.accepts(pod).await;
    let exec = |command: &str| {
        let namespace = cluster.namespace();
        format!("/api/v1/namespaces/{namespace}/pods/with-shell/exec?stdout=true&command={command}")
    };
    let rejected = admin.posts(&exec("forbidden-shell"), &json!({})).await;
    assert!(rejected.is_rejection(), "{rejected}");
    assert!(rejected.message().contains("no shells here"), "{rejected}");
    // The pod is not running, which the API server detects after admission.
    let admitted = admin.posts(&exec("date"), &json!({})).await;
    assert!(
        admitted.message().contains("does not have a host assigned"),
        "{admitted}"
    );
}
