//! Stories of admission modules that trap or hang.

use conformance::Cluster;
use conformance::objects::configmap;

on_each_wiring!(
    a_failed_module_fails_the_request,
    an_ignored_failure_is_a_warning,
    other_policies_decide_after_a_failure,
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
            admin.finds_no("configmaps", &name).await;
        }
    }
}

async fn an_ignored_failure_is_a_warning(cluster: Cluster<'_>) {
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

async fn other_policies_decide_after_a_failure(cluster: Cluster<'_>) {
    for policy in ["lenient-mutator", "lenient-validator", "strict-validator"] {
        let forbidden = configmap(&format!("trap-in-{policy}"), [("not-allowed-value", "")]);
        cluster
            .admin()
            .rejects(forbidden)
            .await
            .because("magic-validator");
    }
}
