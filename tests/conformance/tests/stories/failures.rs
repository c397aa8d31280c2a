//! What becomes of an object when an admission module traps or hangs.

use conformance::Cluster;
use conformance::objects::configmap;

on_each_wiring!(
    a_failed_module_fails_the_request,
    a_failed_module_that_is_to_be_ignored_is_warned_about,
    after_a_failed_module_the_others_still_decide,
);

const FAILURES: [&str; 2] = ["trap", "hang"];

async fn a_failed_module_fails_the_request(cluster: Cluster<'_>) {
    let admin = cluster.admin();
    for policy in ["strict-mutator", "strict-validator"] {
        for failure in FAILURES {
            let name = format!("{failure}-in-{policy}");
            let explanation = format!("policy `{policy}` failed");
            admin
                .fails(configmap(&name, []))
                .await
                .because(&explanation);
            admin.misses("configmaps", &name).await;
        }
    }
}

async fn a_failed_module_that_is_to_be_ignored_is_warned_about(cluster: Cluster<'_>) {
    let admin = cluster.admin();
    for policy in ["lenient-mutator", "lenient-validator"] {
        for failure in FAILURES {
            let warning = format!("policy `{policy}` failed and was ignored");
            admin
                .stores(configmap(&format!("{failure}-in-{policy}"), []))
                .await
                .with("/data/magic-value", "foobar")
                .warning(&warning);
        }
    }
}

async fn after_a_failed_module_the_others_still_decide(cluster: Cluster<'_>) {
    for policy in ["lenient-mutator", "lenient-validator", "strict-validator"] {
        let forbidden = configmap(&format!("trap-in-{policy}"), [("not-allowed-value", "")]);
        cluster
            .admin()
            .rejects(forbidden)
            .await
            .because("magic-validator");
    }
}
