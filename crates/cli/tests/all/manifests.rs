//! `k8s-wasm manifests`. `tests/conformance` tests the files with a real kube-apiserver.

use crate::test_dir::TestDir;

const CONFIGURATION: &str = "\
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authentication:
  modules:
  - {module: authn.wasm}
authorization:
  modules:
  - {module: allows.wasm}
  - {module: denies.wasm, failurePolicy: Deny, timeout: 4s}
admission:
  modules:
  - name: adds_labels
    module: mutate.wasm
    mutating: true
    failurePolicy: Ignore
    rules:
    - {operations: [CREATE], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'], scope: Namespaced}
  - name: Pods
    module: pods.wasm
    timeout: 500ms
    rules:
    - {operations: [CREATE], apiGroups: [''], apiVersions: [v1], resources: [pods]}
    - {operations: [UPDATE], apiGroups: [''], apiVersions: [v1], resources: [pods]}
  - name: more-pods
    module: more.wasm
    failurePolicy: Ignore
    rules:
    - {operations: [CREATE], apiGroups: [''], apiVersions: [v1], resources: [pods]}
    - {operations: [CONNECT], apiGroups: [''], apiVersions: [v1], resources: [pods/exec]}
  - {name: never-evaluated, module: unused.wasm}
";

const ADMISSION_ONLY: &str = "\
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
admission:
  modules:
  - name: pods
    module: pods.wasm
    rules:
    - {operations: ['*'], apiGroups: [''], apiVersions: [v1], resources: [pods]}
";

const CA: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

fn test_dir() -> TestDir {
    TestDir::new()
        .with("policies.yaml", CONFIGURATION)
        .with("admission.yaml", ADMISSION_ONLY)
        .with("ca.crt", CA)
}

fn arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let common = [
        "manifests",
        "--config",
        "policies.yaml",
        "--ca-file",
        "ca.crt",
    ];
    common.into_iter().chain(more.iter().copied()).collect()
}

/// S13, S14: the webhooks have no side effects, and exclude objects on which the cluster depends.
#[test]
fn writes_all_files() {
    let dir = test_dir();
    let more = [
        "--server",
        "https://127.0.0.1:8443",
        "-d",
        "out",
        "--install-dir",
        "/etc/k8s-wasm",
        "--client-cert",
        "/etc/pki/client.crt",
        "--client-key",
        "/etc/pki/client.key",
    ];
    dir.prints("manifests", &arguments(&more));
    for file in [
        "authentication-webhook.kubeconfig",
        "authorization-webhook.kubeconfig",
        "authorization-configuration.yaml",
        "admission-webhooks.yaml",
        "admission-webhook.kubeconfig",
        "admission-configuration.yaml",
        "kube-apiserver-flags.txt",
    ] {
        dir.contains(&format!("manifests-{file}"), &format!("out/{file}"));
    }
}

/// S14: generated webhooks exclude objects on which the cluster depends.
#[test]
fn prints_a_stream_of_yaml() {
    let with_service = [
        "manifests",
        "--config",
        "admission.yaml",
        "--ca-file",
        "ca.crt",
        "--service",
        "k8s-wasm/webhook",
        "--exclude-namespace",
        "gatekeeper-system",
    ];
    test_dir().prints("manifests-service", &with_service);
}

#[test]
fn generates_a_webhook_per_policy() {
    let more = [
        "--server",
        "https://wasm.example.com",
        "-d",
        "out",
        "--per-policy",
        "--cache-ttl",
        "off",
    ];
    let dir = test_dir();
    dir.prints("manifests-per-policy", &arguments(&more));
    dir.contains(
        "manifests-per-policy-admission-webhooks.yaml",
        "out/admission-webhooks.yaml",
    );
    dir.contains(
        "manifests-uncached-authorization-configuration.yaml",
        "out/authorization-configuration.yaml",
    );
    dir.contains(
        "manifests-uncached-flags.txt",
        "out/kube-apiserver-flags.txt",
    );
}

#[test]
fn reports_missing_and_invalid_options() {
    let dir = test_dir()
        .with("key.pem", "-----BEGIN PRIVATE KEY-----\n")
        .with(
            "empty.yaml",
            "apiVersion: k8s-wasm/v1alpha1\nkind: Configuration\n",
        );
    dir.prints("manifests-no-server", &arguments(&[]));
    dir.prints(
        "manifests-plaintext",
        &arguments(&["--server", "http://127.0.0.1:8443"]),
    );
    dir.prints(
        "manifests-service-only",
        &arguments(&["--service", "k8s-wasm/webhook"]),
    );
    let server = ["--server", "https://127.0.0.1:8443"];
    let command = |config, ca| {
        ["manifests", "--config", config, "--ca-file", ca]
            .into_iter()
            .chain(server)
            .collect::<Vec<_>>()
    };
    dir.prints("manifests-key-as-ca", &command("policies.yaml", "key.pem"));
    dir.prints("manifests-no-ca", &command("policies.yaml", "missing.crt"));
    dir.prints("manifests-no-policy", &command("empty.yaml", "ca.crt"));
}
