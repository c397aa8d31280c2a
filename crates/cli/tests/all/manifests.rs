//! `k8s-wasm manifests`. That a real kube-apiserver takes them is a story of `tests/conformance`.

use crate::test_dir::Place;

const CONFIGURATION: &str = "\
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authentication:
  modules:
  - {module: authn.wasm}
authorization:
  modules:
  - {module: adds.wasm}
  - {module: vetoes.wasm, failurePolicy: Deny, timeout: 4s}
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
  - {name: never-asked, module: never.wasm}
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

fn place() -> Place {
    Place::new()
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

/// S13, S14: the webhooks have no side effects. Generated webhooks leave out what a cluster needs to live.
#[test]
fn writes_everything_that_a_kube_apiserver_needs() {
    let place = place();
    let more = [
        "--server",
        "https://127.0.0.1:8443",
        "-d",
        "out",
        "--installed-in",
        "/etc/k8s-wasm",
        "--client-cert",
        "/etc/pki/client.crt",
        "--client-key",
        "/etc/pki/client.key",
    ];
    place.prints("manifests", &arguments(&more));
    for file in [
        "authentication-webhook.kubeconfig",
        "authorization-webhook.kubeconfig",
        "authorization-configuration.yaml",
        "admission-webhooks.yaml",
        "admission-webhook.kubeconfig",
        "admission-configuration.yaml",
        "kube-apiserver-flags.txt",
    ] {
        place.holds(&format!("manifests-{file}"), &format!("out/{file}"));
    }
}

/// S14: generated webhooks leave out what a cluster needs to live.
#[test]
fn prints_one_stream_of_yaml_with_only_what_the_configuration_has() {
    let through_service = [
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
    place().prints("manifests-service", &through_service);
}

#[test]
fn makes_a_webhook_for_each_policy_when_asked_to() {
    let more = [
        "--server",
        "https://wasm.example.com",
        "-d",
        "out",
        "--per-policy",
        "--cache-ttl",
        "off",
    ];
    let place = place();
    place.prints("manifests-per-policy", &arguments(&more));
    place.holds(
        "manifests-per-policy-admission-webhooks.yaml",
        "out/admission-webhooks.yaml",
    );
    place.holds(
        "manifests-uncached-authorization-configuration.yaml",
        "out/authorization-configuration.yaml",
    );
    place.holds(
        "manifests-uncached-flags.txt",
        "out/kube-apiserver-flags.txt",
    );
}

#[test]
fn says_what_it_needs() {
    let place = place()
        .with("key.pem", "-----BEGIN PRIVATE KEY-----\n")
        .with(
            "empty.yaml",
            "apiVersion: k8s-wasm/v1alpha1\nkind: Configuration\n",
        );
    place.prints("manifests-nowhere", &arguments(&[]));
    place.prints(
        "manifests-plaintext",
        &arguments(&["--server", "http://127.0.0.1:8443"]),
    );
    place.prints(
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
    place.prints("manifests-key-as-ca", &command("policies.yaml", "key.pem"));
    place.prints("manifests-no-ca", &command("policies.yaml", "missing.crt"));
    place.prints("manifests-no-policy", &command("empty.yaml", "ca.crt"));
}
