//! `k8s-wasm check`.

use crate::modules;
use crate::test_dir::TestDir;

#[test]
fn lists_policies_and_warns_about_probable_mistakes() {
    let configuration = "\
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authentication:
  modules:
  - {module: knows.wasm, allowSystemNames: true}
authorization:
  modules:
  - {name: denies, module: denies.wasm, failurePolicy: Deny}
admission:
  modules:
  - {name: never-evaluated, module: accepts.wasm}
  - name: validates-only
    module: accepts.wasm
    mutating: true
    rules:
    - {operations: ['*'], apiGroups: [''], apiVersions: [v1], resources: [pods]}
lockOutGuard: {exempt: [all]}
";
    TestDir::new()
        .with("policies.yaml", configuration)
        .with("knows.wasm", modules::knows())
        .with("denies.wasm", modules::denies())
        .with("accepts.wasm", modules::accepts())
        .prints("check", &["check", "--config", "policies.yaml"]);
}

#[test]
fn reports_all_configuration_errors_at_once() {
    let configuration = "\
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authorization:
  modules:
  - {name: 'no spaces', module: a.wasm}
  - {module: b.wasm, timeout: 1h}
admission:
  modules:
  - module: c.wasm
    rules:
    - {operations: [CREATED], apiGroups: [''], apiVersions: [v1], resources: [pods]}
";
    TestDir::new()
        .with("policies.yaml", configuration)
        .with("list.yaml", "modules:\n- {modul: a.wasm}\n")
        .prints(
            "check-mistakes",
            &[
                "check",
                "--config",
                "policies.yaml",
                "--authentication-wasm-config-file",
                "list.yaml",
            ],
        );
}

#[test]
fn reports_all_modules_that_cannot_be_loaded() {
    let configuration = "\
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authentication:
  modules:
  - {module: missing.wasm}
  - {module: denies.wasm}
  - {module: notes.txt}
";
    TestDir::new()
        .with("policies.yaml", configuration)
        .with("denies.wasm", modules::denies())
        .with("notes.txt", "hello")
        .prints("check-modules", &["check", "--config", "policies.yaml"]);
}

#[test]
fn requires_a_configuration() {
    TestDir::new().prints("check-nothing", &["check"]);
}

#[test]
fn reports_policies_that_would_lock_the_cluster_out() {
    let configuration = "\
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authorization:
  modules:
  - {name: denies, module: denies.wasm}
admission:
  modules:
  - name: strict
    module: rejects.wasm
    rules:
    - {operations: ['*'], apiGroups: [''], apiVersions: [v1], resources: ['pods/binding']}
lockOutGuard:
  exempt: [kubelet-lease, kubelet-node-status, node-registration, kubelet-bootstrap, kubelet-pods, controller-manager-leader,
    service-account-tokens, replicaset-pods, endpoint-slices, endpoints, scheduler-leader, kube-proxy, coredns, cluster-admins,
    apiserver-loopback, webhook-configurations, policy-configuration]
";
    TestDir::new()
        .with("policies.yaml", configuration)
        .with("denies.wasm", modules::denies())
        .with("rejects.wasm", modules::rejects())
        .prints("check-locked-out", &["check", "--config", "policies.yaml"]);
}

#[test]
fn lists_exempt_operations() {
    let configuration = "\
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authorization:
  modules:
  - {name: monitored, module: denies.wasm, policyMode: monitor}
lockOutGuard: {exempt: [endpoints, coredns]}
";
    TestDir::new()
        .with("policies.yaml", configuration)
        .with("denies.wasm", modules::denies())
        .prints("check-exempt", &["check", "--config", "policies.yaml"]);
}
