//! `k8s-wasm run`.

use crate::modules;
use crate::test_dir::Place;

const CONFIGURATION: &str = "\
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authentication:
  modules:
  - {name: stranger, module: stranger.wasm}
  - {name: broken, module: traps.wasm}
  - {name: knows, module: knows.wasm}
  - {name: never-asked, module: knows.wasm}
admission:
  modules:
  - name: adds-magic
    module: changes.wasm
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

fn place() -> Place {
    Place::new()
        .with("policies.yaml", CONFIGURATION)
        .with("knows.wasm", modules::knows())
        .with("stranger.wasm", modules::stranger())
        .with("denies.wasm", modules::denies())
        .with("rejects.wasm", modules::rejects())
        .with("accepts.wasm", modules::accepts())
        .with("changes.wasm", modules::changes())
        .with("both.wasm", modules::both())
        .with("traps.wasm", modules::traps())
}

#[test]
fn tells_who_a_token_belongs_to() {
    place().prints(
        "run-authenticated",
        &["run", "knows.wasm", "-r", "token.json"],
    );
}

#[test]
fn exits_with_1_when_nobody_knows_the_token() {
    place().prints(
        "run-unauthenticated",
        &["run", "stranger.wasm", "-r", "token.json"],
    );
}

#[test]
fn reads_yaml_from_standard_input() {
    let review = "apiVersion: authentication.k8s.io/v1\nkind: TokenReview\nspec: {token: a}\n";
    place().prints_given(
        "run-stdin",
        &["run", "knows.wasm", "-r", "-", "-o", "review"],
        review,
    );
}

#[test]
fn tells_why_access_is_denied() {
    place().prints("run-denied", &["run", "denies.wasm", "-r", "access.json"]);
}

#[test]
fn answers_in_the_version_of_the_question() {
    place().prints(
        "run-denied-review",
        &["run", "denies.wasm", "-r", "access.json", "-o", "review"],
    );
}

#[test]
fn shows_the_change_as_a_diff() {
    place().prints(
        "run-changed",
        &["run", "changes.wasm", "-r", "configmap.yaml"],
    );
}

#[test]
fn prints_the_review_with_the_patch() {
    place().prints(
        "run-changed-review",
        &[
            "run",
            "changes.wasm",
            "-r",
            "configmap.yaml",
            "-o",
            "review",
        ],
    );
}

#[test]
fn tells_why_an_object_is_rejected() {
    place().prints(
        "run-rejected",
        &["run", "rejects.wasm", "-r", "configmap.yaml"],
    );
}

#[test]
fn exits_with_3_when_a_module_traps() {
    place().prints("run-trapped", &["run", "traps.wasm", "-r", "access.json"]);
}

#[test]
fn prints_the_status_that_the_webhook_sends_for_a_failure() {
    let place = place();
    place.prints(
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
    place.prints("run-trapped-validate-review", &validate);
}

#[test]
fn asks_a_chain_until_one_knows_the_token() {
    place().prints(
        "run-chain",
        &["run", "--config", "policies.yaml", "-r", "token.json"],
    );
}

/// S15: what matters is validated after it was mutated.
#[test]
fn mutates_and_then_validates_as_the_api_server_does() {
    let place = place();
    place.prints(
        "run-both-planes",
        &["run", "--config", "policies.yaml", "-r", "configmap.yaml"],
    );
    place.prints(
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
fn asks_one_policy_by_name() {
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
    place().prints("run-one-policy-json", &one);
}

#[test]
fn wants_a_choice_where_there_are_two_answers() {
    let place = place();
    place.prints(
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
    place.prints("run-two-answers", &review);
}

#[test]
fn says_what_is_wrong_with_the_question() {
    let place = place()
        .with("pod.yaml", "apiVersion: v1\nkind: Pod\n")
        .with("broken.yaml", "a: [1\nb: 2\n");
    place.prints("run-no-review", &["run", "knows.wasm", "-r", "pod.yaml"]);
    place.prints("run-no-yaml", &["run", "knows.wasm", "-r", "broken.yaml"]);
    place.prints("run-no-file", &["run", "knows.wasm", "-r", "missing.json"]);
    let wrong = [
        "run",
        "knows.wasm",
        "-r",
        "token.json",
        "--entry-point",
        "validate",
    ];
    place.prints("run-wrong-entry-point", &wrong);
    let unknown = [
        "run",
        "--config",
        "policies.yaml",
        "--policy",
        "fines",
        "-r",
        "configmap.yaml",
    ];
    place.prints("run-unknown-policy", &unknown);
    place.prints(
        "run-other-plane",
        &["run", "--config", "policies.yaml", "-r", "access.json"],
    );
    place.prints("run-nothing-to-ask", &["run", "-r", "token.json"]);
    place.prints(
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
    place.prints("run-bad-settings", &settings);
}

#[test]
fn shows_what_policies_would_have_done_that_are_only_watched() {
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
    let place = place().with("watched.yaml", configuration);
    for (name, review) in [
        ("run-watched-token", "token.json"),
        ("run-watched-access", "access.json"),
    ] {
        place.prints(name, &["run", "--config", "watched.yaml", "-r", review]);
    }
}
