//! `k8s-wasm run`.

use crate::modules;
use crate::test_dir::TestDir;

const CONFIGURATION: &str = "\
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authentication:
  modules:
  - {name: knows-nothing, module: knows-nothing.wasm}
  - {name: broken, module: traps.wasm}
  - {name: knows, module: knows.wasm}
  - {name: never-evaluated, module: knows.wasm}
admission:
  modules:
  - name: adds-magic
    module: patches.wasm
    mutating: true
    rules: &configmaps
    - {operations: [CREATE], apiGroups: [''], apiVersions: [v1], resources: [configmaps]}
  - {name: fine, module: accepts.wasm, rules: *configmaps}
  - {name: strict, module: rejects.wasm, rules: *configmaps}
  - name: pods-only
    module: rejects.wasm
    rules:
    - {operations: [CREATE], apiGroups: [''], apiVersions: [v1], resources: [pods]}
";

fn test_dir() -> TestDir {
    TestDir::new()
        .with("policies.yaml", CONFIGURATION)
        .with("knows.wasm", modules::knows())
        .with("knows-nothing.wasm", modules::knows_nothing())
        .with("denies.wasm", modules::denies())
        .with("rejects.wasm", modules::rejects())
        .with("accepts.wasm", modules::accepts())
        .with("patches.wasm", modules::patches())
        .with("both.wasm", modules::both())
        .with("traps.wasm", modules::traps())
}

#[test]
fn authenticates_a_token() {
    test_dir().prints(
        "run-authenticated",
        &["run", "knows.wasm", "-r", "token.json"],
    );
}

#[test]
fn exits_with_1_for_an_unknown_token() {
    test_dir().prints(
        "run-unauthenticated",
        &["run", "knows-nothing.wasm", "-r", "token.json"],
    );
}

#[test]
fn reads_yaml_from_standard_input() {
    let review = "apiVersion: authentication.k8s.io/v1\nkind: TokenReview\nspec: {token: a}\n";
    test_dir().prints_given(
        "run-stdin",
        &["run", "knows.wasm", "-r", "-", "-o", "review"],
        review,
    );
}

#[test]
fn shows_why_a_request_is_denied() {
    test_dir().prints("run-denied", &["run", "denies.wasm", "-r", "access.json"]);
}

#[test]
fn responds_in_the_version_of_the_review() {
    test_dir().prints(
        "run-denied-review",
        &["run", "denies.wasm", "-r", "access.json", "-o", "review"],
    );
}

#[test]
fn shows_a_patch_as_a_diff() {
    test_dir().prints(
        "run-patched",
        &["run", "patches.wasm", "-r", "configmap.yaml"],
    );
}

#[test]
fn prints_a_response_with_a_patch() {
    test_dir().prints(
        "run-patched-review",
        &[
            "run",
            "patches.wasm",
            "-r",
            "configmap.yaml",
            "-o",
            "review",
        ],
    );
}

#[test]
fn shows_why_an_object_is_rejected() {
    test_dir().prints(
        "run-rejected",
        &["run", "rejects.wasm", "-r", "configmap.yaml"],
    );
}

#[test]
fn exits_with_3_when_a_module_traps() {
    test_dir().prints("run-trapped", &["run", "traps.wasm", "-r", "access.json"]);
}

#[test]
fn prints_the_status_of_the_webhook_for_a_failure() {
    let dir = test_dir();
    dir.prints(
        "run-trapped-authz-review",
        &["run", "traps.wasm", "-r", "access.json", "-o", "review"],
    );
    let validate = [
        "run",
        "traps.wasm",
        "-r",
        "configmap.yaml",
        "--entry-point",
        "validate",
        "-o",
        "review",
    ];
    dir.prints("run-trapped-validate-review", &validate);
}

#[test]
fn evaluates_a_chain_until_a_policy_decides() {
    test_dir().prints(
        "run-chain",
        &["run", "--config", "policies.yaml", "-r", "token.json"],
    );
}

/// S15: validation sees the mutated object.
#[test]
fn validates_the_mutated_object() {
    let dir = test_dir();
    dir.prints(
        "run-both-planes",
        &["run", "--config", "policies.yaml", "-r", "configmap.yaml"],
    );
    dir.prints(
        "run-both-planes-json",
        &[
            "run",
            "--config",
            "policies.yaml",
            "-r",
            "configmap.yaml",
            "-o",
            "json",
        ],
    );
}

#[test]
fn evaluates_a_single_policy() {
    let one = [
        "run",
        "--config",
        "policies.yaml",
        "--policy",
        "fine",
        "-r",
        "configmap.yaml",
        "-o",
        "json",
    ];
    test_dir().prints("run-one-policy-json", &one);
}

#[test]
fn requires_a_choice_between_mutation_and_validation() {
    let dir = test_dir();
    dir.prints(
        "run-two-entry-points",
        &["run", "both.wasm", "-r", "configmap.yaml"],
    );
    let review = [
        "run",
        "--config",
        "policies.yaml",
        "-r",
        "configmap.yaml",
        "-o",
        "review",
    ];
    dir.prints("run-two-responses", &review);
}

#[test]
fn reports_invalid_reviews_and_options() {
    let dir = test_dir()
        .with("pod.yaml", "apiVersion: v1\nkind: Pod\n")
        .with("broken.yaml", "a: [1\nb: 2\n");
    dir.prints("run-no-review", &["run", "knows.wasm", "-r", "pod.yaml"]);
    dir.prints("run-no-yaml", &["run", "knows.wasm", "-r", "broken.yaml"]);
    dir.prints("run-no-file", &["run", "knows.wasm", "-r", "missing.json"]);
    let wrong = [
        "run",
        "knows.wasm",
        "-r",
        "token.json",
        "--entry-point",
        "validate",
    ];
    dir.prints("run-wrong-entry-point", &wrong);
    let unknown = [
        "run",
        "--config",
        "policies.yaml",
        "--policy",
        "fines",
        "-r",
        "configmap.yaml",
    ];
    dir.prints("run-unknown-policy", &unknown);
    dir.prints(
        "run-other-plane",
        &["run", "--config", "policies.yaml", "-r", "access.json"],
    );
    dir.prints("run-no-policies", &["run", "-r", "token.json"]);
    dir.prints(
        "run-wrong-module",
        &["run", "denies.wasm", "-r", "token.json"],
    );
    let settings = [
        "run",
        "knows.wasm",
        "-r",
        "token.json",
        "--settings-json",
        "{a: 1",
    ];
    dir.prints("run-bad-settings", &settings);
}

#[test]
fn shows_the_verdicts_of_monitored_policies() {
    let configuration = "\
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authentication:
  modules:
  - {name: new-tokens, module: knows.wasm, policyMode: monitor}
  - {name: broken, module: traps.wasm, policyMode: monitor}
authorization:
  modules:
  - {name: new-rules, module: denies.wasm, policyMode: monitor}
";
    let dir = test_dir().with("monitored.yaml", configuration);
    for (name, review) in [
        ("run-monitored-token", "token.json"),
        ("run-monitored-access", "access.json"),
    ] {
        dir.prints(name, &["run", "--config", "monitored.yaml", "-r", review]);
    }
}
