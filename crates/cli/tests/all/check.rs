//! `k8s-wasm check`.

use crate::modules;
use crate::test_dir::Place;

#[test]
fn lists_the_policies_and_warns_of_what_is_hardly_meant() {
    let configuration = "\
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authentication:
  modules:
  - {module: knows.wasm, allowSystemNames: true}
authorization:
  modules:
  - {name: vetoes, module: denies.wasm, failurePolicy: Deny}
admission:
  modules:
  - {name: never-asked, module: accepts.wasm}
  - name: asked-by-validate
    module: accepts.wasm
    mutating: true
    rules:
    - {operations: ['*'], apiGroups: [''], apiVersions: [v1], resources: [pods]}
lockOutGuard: {exempt: [all]}
";
    Place::new()
        .with("policies.yaml", configuration)
        .with("knows.wasm", modules::knows())
        .with("denies.wasm", modules::denies())
        .with("accepts.wasm", modules::accepts())
        .prints("check", &["check", "--config", "policies.yaml"]);
}

#[test]
fn tells_every_mistake_of_the_configuration_at_once() {
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
    Place::new()
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
fn tells_every_module_that_cannot_be_loaded() {
    let configuration = "\
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authentication:
  modules:
  - {module: missing.wasm}
  - {module: denies.wasm}
  - {module: notes.txt}
";
    Place::new()
        .with("policies.yaml", configuration)
        .with("denies.wasm", modules::denies())
        .with("notes.txt", "hello")
        .prints("check-modules", &["check", "--config", "policies.yaml"]);
}

#[test]
fn wants_a_configuration() {
    Place::new().prints("check-nothing", &["check"]);
}

#[test]
fn tells_which_policies_would_lock_the_cluster_out() {
    let configuration = "\
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authorization:
  modules:
  - {name: vetoes, module: denies.wasm}
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
    Place::new()
        .with("policies.yaml", configuration)
        .with("denies.wasm", modules::denies())
        .with("rejects.wasm", modules::rejects())
        .prints("check-locked-out", &["check", "--config", "policies.yaml"]);
}

#[test]
fn tells_what_the_guard_has_not_asked() {
    let configuration = "\
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authorization:
  modules:
  - {name: someone-else, module: denies.wasm, policyMode: monitor}
lockOutGuard: {exempt: [endpoints, coredns]}
";
    Place::new()
        .with("policies.yaml", configuration)
        .with("denies.wasm", modules::denies())
        .prints("check-exempt", &["check", "--config", "policies.yaml"]);
}
