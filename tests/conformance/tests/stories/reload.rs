//! Modules change while the API server, and what it asks, run on.

use std::time::{Duration, Instant};

use conformance::{Cluster, Script};

use crate::wirings::{IN_PROCESS, V1, login};

/// Changes are looked for every second.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_changed_module_decides_and_a_broken_one_never_does() {
    follows_changes(V1.cluster().await).await;
}

#[tokio::test]
async fn in_process_a_changed_module_decides_and_a_broken_one_never_does() {
    follows_changes(IN_PROCESS.cluster().await).await;
}

async fn follows_changes(cluster: Cluster<'_>) {
    cluster.with_token("visitor-1").cannot_log_in().await;

    let visitors = Script::authenticator().answers("visitor-", &login("visitor", ""));
    let visitors = visitors.compile().expect("scripts are small");
    replace_visitors(&cluster, &visitors);
    until(async || {
        cluster
            .with_token("visitor-2")
            .who_am_i()
            .await
            .is_success()
    })
    .await;

    replace_visitors(&cluster, b"no module");
    until(async || cluster.running().logs().contains("do not load")).await;
    cluster
        .with_token("visitor-3")
        .logs_in_as("visitor", [])
        .await;
}

fn replace_visitors(cluster: &Cluster<'_>, module: &[u8]) {
    let directory = &cluster.running().directory;
    directory
        .write("modules/visitors.wasm", module)
        .expect("the directory is ours");
}

async fn until(mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "the change has no effect");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
