//! The peer's `policies.yml`: policies, groups, monitor mode, raw requests, and what is wrong with a file.

use std::time::{Duration, Instant};

use access::Plane;
use access::trace::{StepOutcome, StepVerdict};
use engine::{Engine, Options};
use host::config::{Format, Source};
use host::{Configuration, Evaluation, EvaluationRequest, FileModules, Host, Reply, Verdict};
use serde_json::{Value, json};

/// A waPC guest whose settings are fine and that answers every request with this.
fn guest(answer: &Value) -> Vec<u8> {
    let text = answer.to_string();
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
    wat::parse_str(wat).expect("a module")
}

/// One that traps on every request.
fn broken() -> Vec<u8> {
    let wat = r#"(module
        (import "wapc" "__guest_response" (func $answer (param i32 i32)))
        (memory (export "memory") 1) (data (i32.const 0) "{\22valid\22:true}")
        (func (export "__guest_call") (param $operation i32) (param i32) (result i32)
            (if (i32.eq (local.get $operation) (i32.const 8)) (then unreachable))
            (call $answer (i32.const 0) (i32.const 14))
            i32.const 1))"#;
    wat::parse_str(wat).expect("a module")
}

/// One that fails on every request and quotes it.
fn reporting() -> Vec<u8> {
    let wat = r#"(module
        (import "wapc" "__guest_response" (func $answer (param i32 i32)))
        (import "wapc" "__guest_error" (func $error (param i32 i32)))
        (memory (export "memory") 1) (data (i32.const 0) "{\22valid\22:true}token: hush")
        (func (export "__guest_call") (param $operation i32) (param i32) (result i32)
            (call $error (i32.const 14) (i32.const 11))
            (call $answer (i32.const 0) (i32.const 14))
            (i32.ne (local.get $operation) (i32.const 8))))"#;
    wat::parse_str(wat).expect("a module")
}

fn load(policies: &str) -> Result<Host, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("a file");
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
    write("broken.wasm", &broken());
    write("reports.wasm", &reporting());
    write("policies.yml", policies.as_bytes());
    let file = folder.path().join("policies.yml");
    let shown = |text: String| text.replace(&folder.path().display().to_string(), "DIR");
    let configuration =
        Configuration::load(&[Source::file(Format::Policies { store: None }, file)])
            .map_err(|errors| shown(errors.to_string()))?;
    let engine = Engine::new(Options::default()).expect("an engine");
    Host::load(&configuration, &FileModules, &engine).map_err(|errors| shown(errors.to_string()))
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime")
        .block_on(future)
}

/// Asks as the peer is asked: at the URL of the policy.
fn ask(host: &Host, policy: &str) -> Evaluation {
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {"uid": "u", "kind": {}, "resource": {}, "operation": "CREATE", "userInfo": {},
            "object": {"a": 1}, "oldObject": null},
    })
    .to_string();
    let question = EvaluationRequest {
        plane: Plane::Validation,
        policy: Some(policy),
        review: review.as_bytes(),
        already_evaluated: &[],
        deadline: soon(),
    };
    block_on(host.evaluate(question)).expect("an answer")
}

fn raw(host: &Host, policy: &str) -> Value {
    let answer = block_on(host.evaluate_raw(policy, br#"{"request":{"uid":"r","a":1}}"#, soon()));
    let Reply::Review(review) = answer.expect("a policy").reply else {
        panic!("an answer")
    };
    serde_json::from_slice(&review).expect("JSON")
}

#[test]
fn one_url_is_for_what_a_policy_accepts_and_what_it_changes() {
    let host = load("p: {module: change.wasm, allowedToMutate: true}\nq: {module: same.wasm}")
        .expect("a host");
    assert_eq!(ask(&host, "p").verdict(), Verdict::Patched);
    assert_eq!(ask(&host, "q").verdict(), Verdict::Accepted);
}

#[test]
fn a_policy_that_changes_and_may_not_rejects() {
    let host = load("p: {module: change.wasm, message: house rules}").expect("a host");
    let answered = ask(&host, "p");
    assert_eq!(answered.verdict(), Verdict::Rejected);
    assert_eq!(answered.message(), "p: house rules");
    let response = &raw(&host, "p")["response"];
    assert_eq!(response["allowed"], false);
    let cause = response["status"]["details"]["causes"][0]["message"]
        .as_str()
        .expect("a cause");
    assert!(
        cause.starts_with("Request rejected by policy p."),
        "{cause}"
    );
}

#[test]
fn a_policy_that_is_watched_stops_nothing() {
    let host = load(
        "no: {module: no.wasm, policyMode: monitor}\n\
         broken: {module: broken.wasm, policyMode: monitor}\n\
         change: {module: change.wasm, policyMode: monitor, allowedToMutate: true}\n",
    )
    .expect("a host");
    for policy in ["no", "broken", "change"] {
        assert_eq!(ask(&host, policy).verdict(), Verdict::Accepted, "{policy}");
        let response = raw(&host, policy)["response"].clone();
        assert_eq!(response, json!({"uid": "r", "allowed": true}), "{policy}");
    }
    let [step] = &ask(&host, "no").trace.steps[..] else {
        panic!("one step")
    };
    assert!(matches!(
        &step.outcome,
        StepOutcome::Monitored { answer: StepVerdict::Rejected { message, .. }, .. } if message == "no"
    ));
}

#[test]
fn a_raw_request_is_answered_with_the_patch_of_the_request() {
    let host = load("p: {module: change.wasm, allowedToMutate: true}").expect("a host");
    let response = &raw(&host, "p")["response"];
    assert_eq!(
        (&response["uid"], &response["allowed"]),
        (&json!("r"), &json!(true))
    );
    assert_eq!(response["patchType"], "JSONPatch");
}

#[test]
fn a_group_asks_the_members_that_it_needs_and_tells_what_they_say() {
    const MEMBERS: &str = "policies: {yes: {module: yes.wasm}, no: {module: no.wasm}, broken: {module: broken.wasm}, \
        same: {module: same.wasm}, change: {module: change.wasm}}";
    for (expression, verdict) in [
        // `broken` is not asked.
        ("yes() || broken()", Verdict::Accepted),
        ("no() && broken()", Verdict::Rejected),
        ("!no() && same()", Verdict::Accepted),
        ("change()", Verdict::Rejected),
        ("yes() && broken()", Verdict::Failed),
    ] {
        let file = format!("g: {{expression: \"{expression}\", message: together, {MEMBERS}}}");
        let answered = ask(&load(&file).expect("a host"), "g");
        assert_eq!(answered.verdict(), verdict, "{expression}");
    }
    let file = format!("g: {{expression: \"yes() && no()\", message: together, {MEMBERS}}}");
    let answered = ask(&load(&file).expect("a host"), "g");
    assert_eq!(answered.message(), "g: together");
    let Reply::Review(review) = &answered.reply else {
        panic!("a review")
    };
    let review: Value = serde_json::from_slice(review).expect("JSON");
    let causes = &review["response"]["status"]["details"]["causes"];
    assert_eq!(
        causes,
        &json!([{"message": "no", "field": "spec.policies.no"}])
    );
}

#[test]
fn says_what_is_wrong_with_a_file_and_where() {
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
fn what_a_policy_says_when_it_fails_is_for_the_operator_only() {
    let host = load("p: {module: reports.wasm}").expect("a host");
    let answered = ask(&host, "p");
    assert_eq!(
        answered.message(),
        "policy `p` failed: the policy reported an error"
    );
    let (_, failure) = answered.trace.failures().next().expect("a failure");
    assert_eq!(failure.detail.as_deref(), Some("token: hush"));
}

#[test]
fn timeouts_are_those_of_the_file_within_what_an_api_server_waits() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("policies.yml");
    std::fs::write(folder.path().join("m.wasm"), b"").expect("a file");
    let text = "a: {module: m.wasm}\nb: {module: m.wasm, timeoutEvalSeconds: 60}\n\
        g: {expression: 'c() || d()', message: m, policies: {c: {module: m.wasm, timeoutEvalSeconds: 5}, d: {module: m.wasm}}}";
    std::fs::write(&file, text).expect("a file");
    let configuration =
        Configuration::load(&[Source::file(Format::Policies { store: None }, file)])
            .expect("valid");
    let seconds = configuration
        .policies()
        .map(|policy| policy.timeout.as_secs());
    assert_eq!(seconds.collect::<Vec<_>>(), [2, 30, 7]);
}
