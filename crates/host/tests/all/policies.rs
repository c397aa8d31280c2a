//! Tests of Kubewarden's `policies.yml`: policies, groups, monitor mode, raw requests and errors.

use std::time::{Duration, Instant};

use access::Plane;
use access::trace::{StepOutcome, StepVerdict};
use engine::{Engine, Options};
use host::config::{Format, Source};
use host::{Configuration, Evaluation, EvaluationRequest, FileModules, Host, Reply, Verdict};
use serde_json::{Value, json};

/// Returns a waPC guest that accepts its settings and returns this response for every request.
fn guest(response: &Value) -> Vec<u8> {
    let text = response.to_string();
    let (len, text) = (text.len(), text.replace('"', "\\22"));
    let wat = format!(
        r#"(module
            (import "wapc" "__guest_response" (func $answer (param i32 i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "{{\22valid\22:true}}") (data (i32.const 64) "{text}")
            (func (export "__guest_call") (param $operation i32) (param i32) (result i32)
                (if (i32.eq (local.get $operation) (i32.const 8))
                    (then (call $answer (i32.const 64) (i32.const {len})))
                    (else (call $answer (i32.const 0) (i32.const 14))))
                i32.const 1))"#
    );
    wat::parse_str(wat).unwrap()
}

/// Returns a waPC guest that traps on every request.
fn trapping() -> Vec<u8> {
    let wat = r#"(module
        (import "wapc" "__guest_response" (func $answer (param i32 i32)))
        (memory (export "memory") 1) (data (i32.const 0) "{\22valid\22:true}")
        (func (export "__guest_call") (param $operation i32) (param i32) (result i32)
            (if (i32.eq (local.get $operation) (i32.const 8)) (then unreachable))
            (call $answer (i32.const 0) (i32.const 14))
            i32.const 1))"#;
    wat::parse_str(wat).unwrap()
}

/// Returns a waPC guest that reports an error which quotes the request.
fn reporting() -> Vec<u8> {
    let wat = r#"(module
        (import "wapc" "__guest_response" (func $answer (param i32 i32)))
        (import "wapc" "__guest_error" (func $error (param i32 i32)))
        (memory (export "memory") 1) (data (i32.const 0) "{\22valid\22:true}token: hush")
        (func (export "__guest_call") (param $operation i32) (param i32) (result i32)
            (call $error (i32.const 14) (i32.const 11))
            (call $answer (i32.const 0) (i32.const 14))
            (i32.ne (local.get $operation) (i32.const 8))))"#;
    wat::parse_str(wat).unwrap()
}

fn load(policies: &str) -> Result<Host, String> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("yes.wasm", &guest(&json!({"accepted": true})));
    write(
        "no.wasm",
        &guest(&json!({"accepted": false, "message": "no"})),
    );
    write(
        "change.wasm",
        &guest(&json!({"accepted": true, "mutated_object": {"a": 2}})),
    );
    write(
        "same.wasm",
        &guest(&json!({"accepted": true, "mutated_object": {"a": 1}})),
    );
    write("broken.wasm", &trapping());
    write("reports.wasm", &reporting());
    write("policies.yml", policies.as_bytes());
    let file = folder.path().join("policies.yml");
    let relative = |text: String| text.replace(&folder.path().display().to_string(), "DIR");
    let configuration =
        Configuration::load(&[Source::file(Format::Policies { store: None }, file)])
            .map_err(|errors| relative(errors.to_string()))?;
    let engine = Engine::new(Options::default()).unwrap();
    Host::load(&configuration, &FileModules, &engine).map_err(|errors| relative(errors.to_string()))
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(future)
}

/// Evaluates one policy, like a request to its URL in policy-server.
fn evaluate(host: &Host, policy: &str) -> Evaluation {
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {"uid": "u", "kind": {}, "resource": {}, "operation": "CREATE", "userInfo": {},
            "object": {"a": 1}, "oldObject": null},
    })
    .to_string();
    let request = EvaluationRequest {
        plane: Plane::Validation,
        policy: Some(policy),
        review: review.as_bytes(),
        already_evaluated: &[],
        deadline: soon(),
    };
    block_on(host.evaluate(request)).unwrap()
}

fn evaluate_raw(host: &Host, policy: &str) -> Value {
    let evaluation =
        block_on(host.evaluate_raw(policy, br#"{"request":{"uid":"r","a":1}}"#, soon()));
    let Reply::Review(review) = evaluation.unwrap().reply else {
        panic!("no review")
    };
    serde_json::from_slice(&review).unwrap()
}

#[test]
fn a_policy_is_found_on_the_validation_plane_even_if_it_mutates() {
    let host =
        load("p: {module: change.wasm, allowedToMutate: true}\nq: {module: same.wasm}").unwrap();
    assert_eq!(evaluate(&host, "p").verdict(), Verdict::Patched);
    assert_eq!(evaluate(&host, "q").verdict(), Verdict::Accepted);
}

#[test]
fn rejects_if_a_policy_mutates_without_permission() {
    let host = load("p: {module: change.wasm, message: house rules}").unwrap();
    let evaluation = evaluate(&host, "p");
    assert_eq!(evaluation.verdict(), Verdict::Rejected);
    assert_eq!(evaluation.message(), "p: house rules");
    let response = &evaluate_raw(&host, "p")["response"];
    assert_eq!(response["allowed"], false);
    let cause = response["status"]["details"]["causes"][0]["message"]
        .as_str()
        .unwrap();
    assert!(
        cause.starts_with("Request rejected by policy p."),
        "{cause}"
    );
}

#[test]
fn a_monitored_policy_has_no_effect() {
    let host = load(
        "no: {module: no.wasm, policyMode: monitor}\n\
         broken: {module: broken.wasm, policyMode: monitor}\n\
         change: {module: change.wasm, policyMode: monitor, allowedToMutate: true}\n",
    )
    .unwrap();
    for policy in ["no", "broken", "change"] {
        assert_eq!(
            evaluate(&host, policy).verdict(),
            Verdict::Accepted,
            "{policy}"
        );
        let response = evaluate_raw(&host, policy)["response"].clone();
        assert_eq!(response, json!({"uid": "r", "allowed": true}), "{policy}");
    }
    let [step] = &evaluate(&host, "no").trace.steps[..] else {
        panic!("one step")
    };
    assert!(matches!(
        &step.outcome,
        StepOutcome::Monitored { verdict: StepVerdict::Rejected { message, .. }, .. } if message == "no"
    ));
}

#[test]
fn a_raw_response_has_the_patch_of_the_request() {
    let host = load("p: {module: change.wasm, allowedToMutate: true}").unwrap();
    let response = &evaluate_raw(&host, "p")["response"];
    assert_eq!(
        (&response["uid"], &response["allowed"]),
        (&json!("r"), &json!(true))
    );
    assert_eq!(response["patchType"], "JSONPatch");
}

#[test]
fn a_group_evaluates_only_required_members_and_reports_their_messages() {
    const MEMBERS: &str = "policies: {yes: {module: yes.wasm}, no: {module: no.wasm}, broken: {module: broken.wasm}, \
        same: {module: same.wasm}, change: {module: change.wasm}}";
    for (expression, verdict) in [
        // `broken` is not evaluated.
        ("yes() || broken()", Verdict::Accepted),
        ("no() && broken()", Verdict::Rejected),
        ("!no() && same()", Verdict::Accepted),
        ("change()", Verdict::Rejected),
        ("yes() && broken()", Verdict::Failed),
    ] {
        let file = format!("g: {{expression: \"{expression}\", message: together, {MEMBERS}}}");
        let evaluation = evaluate(&load(&file).unwrap(), "g");
        assert_eq!(evaluation.verdict(), verdict, "{expression}");
    }
    let file = format!("g: {{expression: \"yes() && no()\", message: together, {MEMBERS}}}");
    let evaluation = evaluate(&load(&file).unwrap(), "g");
    assert_eq!(evaluation.message(), "g: together");
    let Reply::Review(review) = &evaluation.reply else {
        panic!("a review")
    };
    let review: Value = serde_json::from_slice(review).unwrap();
    let causes = &review["response"]["status"]["details"]["causes"];
    assert_eq!(
        causes,
        &json!([{"message": "no", "field": "spec.policies.no"}])
    );
}

#[test]
fn reports_errors_with_their_position() {
    for (file, error) in [
        (
            "p: {module: yes.wasm, allowedToMuate: true}",
            "DIR/policies.yml:1:23: p.allowedToMuate: unknown field `allowedToMuate` (did you mean `allowedToMutate`?)",
        ),
        ("p: {}", "DIR/policies.yml: p: needs either `module`"),
        (
            "p: {module: 'registry://example.org/p:v1'}",
            "is not a file: pull it first, with `kwctl pull registry://example.org/p:v1`",
        ),
        (
            "p: {module: yes.wasm, hostCapabilities: ['oci/v9/*']}",
            "p.hostCapabilities: `oci/v9/*`: unknown `v9`",
        ),
        (
            "g: {expression: 'a() &', message: m, policies: {a: {module: yes.wasm}}}",
            "g.expression: at character 5: expected",
        ),
        (
            "g: {expression: 'a()', policies: {a: {module: yes.wasm}}}",
            "g: is a group and has no `message`",
        ),
        (
            "g: {expression: 'a()', message: m, policies: {a: {module: yes.wasm, message: n}}}",
            "unknown field `message`",
        ),
        (
            "p: {module: yes.wasm, settings: [1]}",
            "the settings of a Kubewarden policy must be a mapping",
        ),
    ] {
        let found = load(file).expect_err(file);
        assert!(found.contains(error), "{file}\n{found}");
    }
    let members = "g: {expression: 'a()', message: m, policies: {a: {module: yes.wasm, settings: 1}, b: {module: gone.wasm}}}";
    let found = load(members).unwrap_err();
    assert!(found.contains("kwctl pull gone.wasm"), "{found}");
}

#[test]
fn the_error_text_of_a_policy_is_for_the_operator_only() {
    let host = load("p: {module: reports.wasm}").unwrap();
    let evaluation = evaluate(&host, "p");
    assert_eq!(
        evaluation.message(),
        "policy `p` failed: the policy reported an error"
    );
    let (_, failure) = evaluation.trace.failures().next().unwrap();
    assert_eq!(failure.detail.as_deref(), Some("token: hush"));
}

#[test]
fn limits_configured_timeouts_to_that_of_the_api_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policies.yml");
    std::fs::write(folder.path().join("m.wasm"), b"").unwrap();
    let text = "a: {module: m.wasm}\nb: {module: m.wasm, timeoutEvalSeconds: 60}\n\
        g: {expression: 'c() || d()', message: m, policies: {c: {module: m.wasm, timeoutEvalSeconds: 5}, d: {module: m.wasm}}}";
    std::fs::write(&file, text).unwrap();
    let configuration =
        Configuration::load(&[Source::file(Format::Policies { store: None }, file)]).unwrap();
    let seconds = configuration
        .policies()
        .map(|policy| policy.timeout.as_secs());
    assert_eq!(seconds.collect::<Vec<_>>(), [2, 30, 7]);
}
