//! Which objects are stored, and in what form?

use std::time::{Duration, Instant};

use conformance::objects::{Resource, configmap, definition_of_gadgets, deployment};
use conformance::{Cluster, Operation};
use serde_json::json;

on_each_wiring!(
    every_configmap_gets_the_magic_value,
    the_magic_value_is_back_after_an_update,
    a_configmap_with_a_forbidden_key_is_rejected,
    every_rejection_is_reported,
    a_warning_reaches_the_client,
    a_dry_run_is_decided_and_not_stored,
    a_deletion_is_decided_on,
    a_subresource_is_decided_on_and_its_resource_is_not,
    a_configmap_of_a_megabyte_is_decided_on,
    what_a_change_leaves_out_gets_its_default,
    a_custom_resource_is_changed_and_decided_on,
    a_shell_in_a_pod_is_decided_on,
);

async fn every_configmap_gets_the_magic_value(cluster: Cluster<'_>) {
    let magic = cluster.with_token("magic-token");
    magic
        .stores(configmap("plain", [("key", "value")]))
        .await
        .with("/data/key", "value")
        .with("/data/magic-value", "foobar")
        .no_warning();
}

async fn the_magic_value_is_back_after_an_update(cluster: Cluster<'_>) {
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

async fn a_configmap_with_a_forbidden_key_is_rejected(cluster: Cluster<'_>) {
    let admin = cluster.admin();
    let forbidden = configmap("forbidden", [("not-allowed-value", "")]);
    admin
        .rejects(forbidden)
        .await
        .because("magic-validator: value not-allowed-value not allowed in configmap");
    admin.misses("configmaps", "forbidden").await;
}

async fn every_rejection_is_reported(cluster: Cluster<'_>) {
    let doubly_wrong = configmap(
        "doubly-wrong",
        [("not-allowed-value", ""), ("also-not-allowed", "")],
    );
    cluster
        .admin()
        .rejects(doubly_wrong)
        .await
        .because("magic-validator: value not-allowed-value")
        .because("second-opinion: I do not like it either");
}

async fn a_warning_reaches_the_client(cluster: Cluster<'_>) {
    let admin = cluster.admin();
    admin
        .stores(configmap("odd", [("please-warn", "me")]))
        .await
        .warning("you asked for it");
}

async fn a_dry_run_is_decided_and_not_stored(cluster: Cluster<'_>) {
    let admin = cluster.admin();
    admin
        .accepts(Operation::create(configmap("ghost", [])).dry_run())
        .await
        .with("/data/magic-value", "foobar")
        .warning("only a dry run");
    admin.misses("configmaps", "ghost").await;
    let forbidden = configmap("ghost", [("not-allowed-value", "")]);
    admin
        .rejects(Operation::create(forbidden).dry_run())
        .await
        .because("not allowed");
}

async fn a_deletion_is_decided_on(cluster: Cluster<'_>) {
    let admin = cluster.admin();
    for name in ["keep-me", "let-me-go"] {
        admin.stores(configmap(name, [])).await;
    }
    admin
        .rejects(Operation::delete("configmaps", "keep-me"))
        .await
        .because("keeper: it is kept");
    admin.accepts(Operation::get("configmaps", "keep-me")).await;
    admin
        .accepts(Operation::delete("configmaps", "let-me-go"))
        .await;
    admin.misses("configmaps", "let-me-go").await;
}

async fn a_subresource_is_decided_on_and_its_resource_is_not(cluster: Cluster<'_>) {
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

async fn a_configmap_of_a_megabyte_is_decided_on(cluster: Cluster<'_>) {
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

/// The API server puts in defaults before policies see an object, and again after they changed it.
async fn what_a_change_leaves_out_gets_its_default(cluster: Cluster<'_>) {
    let mut object = deployment("outfitted", 1);
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

async fn a_custom_resource_is_changed_and_decided_on(cluster: Cluster<'_>) {
    let admin = cluster.admin();
    admin.accepts(definition_of_gadgets()).await;
    let gadget = |name, data| {
        let mut gadget = Resource::named("gadgets").object(name);
        gadget["data"] = data;
        gadget
    };
    // The API server takes a moment until it knows the kind.
    let deadline = Instant::now() + Duration::from_secs(30);
    while admin.asks(Operation::list("gadgets")).await.code == 404 {
        assert!(Instant::now() < deadline, "there are no gadgets");
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

async fn a_shell_in_a_pod_is_decided_on(cluster: Cluster<'_>) {
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
    let refused = admin.posts(&exec("forbidden-shell"), &json!({})).await;
    assert!(refused.is_rejection(), "{refused}");
    assert!(refused.message().contains("no shells here"), "{refused}");
    // Nobody runs the pod, which is found out after admission.
    let admitted = admin.posts(&exec("date"), &json!({})).await;
    assert!(
        admitted.message().contains("does not have a host assigned"),
        "{admitted}"
    );
}
