//! Stories of Kubewarden policies that query the cluster.

use conformance::{Cluster, Operation};
use serde_json::json;

on_each_wiring!(a_policy_reads_the_labels_of_the_namespace);

async fn a_policy_reads_the_labels_of_the_namespace(cluster: Cluster<'_>) {
    let admin = cluster.admin();
    let secret = || {
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "for-a-team"}, "stringData": {"word": "hush"},
        })
    };
    admin
        .rejects(secret())
        .await
        .because("teams-only: the namespace")
        .because("`team`");
    let labelled = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": cluster.namespace(), "labels": {"team": "blue"}},
    });
    admin.accepts(Operation::replace(labelled)).await;
    admin.accepts(secret()).await;
}
