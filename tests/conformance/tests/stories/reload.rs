//! Stories of modules that change while the programs run.

use std::time::{Duration, Instant};

use conformance::{Cluster, Script};

use crate::wirings::{IN_PROCESS, V1, login};

/// The time that a change may take; the programs check for changes every second.
const TIMEOUT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn reloads_a_changed_module_but_not_a_broken_one() {
    follows_changes(V1.cluster().await).await;
}

#[tokio::test]
async fn in_process_reloads_a_changed_module_but_not_a_broken_one() {
    follows_changes(IN_PROCESS.cluster().await).await;
}

async fn follows_changes(cluster: Cluster<'_>) {
    cluster.with_token("visitor-1").cannot_log_in().await;

    let visitors = Script::authenticator().responds("visitor-", &login("visitor", ""));
    let visitors = visitors.compile().unwrap();
    replace_visitors(&cluster, &visitors);
    until(async || {
        cluster
            .with_token("visitor-2")
            .who_am_i()
            .await
            .is_success()
    })
    .await;

    replace_visitors(&cluster, b"not a module");
    until(async || reports_failed_reload(&cluster.running().logs())).await;
    cluster
        .with_token("visitor-3")
        .logs_in_as("visitor", [])
        .await;
}

/// The webhook server and the API server with the engine inside use different messages.
fn reports_failed_reload(logs: &str) -> bool {
    let logs = logs.to_lowercase();
    ["failed to reload", "do not load"]
        .iter()
        .any(|text| logs.contains(text))
}

fn replace_visitors(cluster: &Cluster<'_>, module: &[u8]) {
    let directory = &cluster.running().directory;
    directory.write("modules/visitors.wasm", module).unwrap();
}

async fn until(mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !condition().await {
        assert!(Instant::now() < deadline, "the change does not take effect");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
