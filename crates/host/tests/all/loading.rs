//! What can be loaded, what cannot and how that is told, and how a loaded host is asked.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use access::Plane;
use engine::{Engine, Options};
use host::config::{Format, Source};
use host::{Configuration, EvaluateError, EvaluationRequest, Host, ModuleSource, Reply, Verdict};

/// Answers every question of its entry points with the output that is given.
pub(crate) fn answering(exports: &[&str], output: &str) -> String {
    let data = output.escape_default();
    let functions: String = exports
        .iter()
        .map(|name| {
            format!(
                r#"(func (export "{name}")
                    (i32.store (i32.const 0) (i32.const 16))
                    (i32.store (i32.const 4) (i32.const {}))
                    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"#,
                output.len()
            )
        })
        .collect();
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 16) "{data}")
            {functions})"#
    )
}

/// Modules by their path, as text.
struct Texts(Vec<(&'static str, String)>);

impl ModuleSource for Texts {
    fn read(&self, module: &Path) -> io::Result<Vec<u8>> {
        let name = module
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let found = self.0.iter().find(|(path, _)| *path == name);
        let (_, text) = found.ok_or(io::ErrorKind::NotFound)?;
        Ok(wat::parse_str(text).unwrap_or_else(|_| text.clone().into_bytes()))
    }
}

fn load(configuration: &str, modules: Vec<(&'static str, String)>) -> Result<Host, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.yaml");
    let text = format!("apiVersion: k8s-wasm/v1alpha1\nkind: Configuration\n{configuration}");
    std::fs::write(&file, text).expect("a file");
    let configuration =
        Configuration::load(&[Source::file(Format::Configuration, file)]).expect("a configuration");
    let engine = Engine::new(Options::default()).expect("an engine");
    let shown = folder.path().display().to_string();
    Host::load(&configuration, &Texts(modules), &engine)
        .map_err(|error| error.to_string().replace(&shown, "DIR"))
}

async fn ask(
    host: &Host,
    plane: Plane,
    policy: Option<&str>,
    review: &str,
) -> Result<host::Evaluation, EvaluateError> {
    let deadline = Instant::now() + Duration::from_secs(30);
    host.evaluate(EvaluationRequest {
        plane,
        policy,
        review: review.as_bytes(),
        already_evaluated: &[],
        deadline,
    })
    .await
}

pub(crate) const ALLOWED: &str = r#"{"response":{"status":{"allowed":true}}}"#;
pub(crate) const ACCEPTED: &str = r#"{"response":{"response":{"allowed":true}}}"#;
pub(crate) const NO_OPINION: &str = r#"{"response":{"status":{"allowed":false}}}"#;
pub(crate) const ACCESS: &str = r#"{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview",
    "spec":{"nonResourceAttributes":{"path":"/","verb":"get"},"user":"jane"}}"#;

#[test]
fn every_policy_that_cannot_be_loaded_is_told_with_its_place() {
    let error = load(
        "authorization:
  modules:
  - module: fine.wasm
  - module: missing.wasm
  - module: text.wasm
  - module: validator.wasm
",
        vec![
            ("fine.wasm", answering(&["authz"], ALLOWED)),
            ("text.wasm", "no module".into()),
            ("validator.wasm", answering(&["validate"], ALLOWED)),
        ],
    )
    .unwrap_err();
    let lines: Vec<&str> = error.lines().collect();
    let [missing, text, validator] = lines[..] else {
        panic!("three errors, got:\n{error}")
    };
    assert!(missing.starts_with("DIR/config.yaml:6:13: failed to load policy `missing.wasm` from `DIR/missing.wasm`: the file cannot be read"), "{missing}");
    assert!(
        text.starts_with("DIR/config.yaml:7:13: failed to load policy `text.wasm`"),
        "{text}"
    );
    assert!(
        validator.contains("authz") && validator.contains("validate"),
        "{validator}"
    );
}

#[test]
fn kubewarden_policies_are_recognised_and_asked_about_their_settings() {
    let error = load(
        "admission: {modules: [{module: kw.wasm}]}",
        vec![("kw.wasm", wapc("{}"))],
    );
    let error = error.unwrap_err();
    assert!(
        error.contains("its settings could not be checked"),
        "{error}"
    );
    let invalid = wapc(r#"{\22valid\22:false,\22message\22:\22no\22}"#);
    let error = load(
        "admission: {modules: [{module: kw.wasm}]}",
        vec![("kw.wasm", invalid)],
    );
    let error = error.unwrap_err();
    assert!(
        error.contains("Provided settings are not valid: no"),
        "{error}"
    );
}

#[test]
fn kubewarden_policies_decide_about_objects_only() {
    let valid = wapc(r#"{\22valid\22:true}"#);
    let error = load(
        "authorization: {modules: [{module: kw.wasm}]}",
        vec![("kw.wasm", valid)],
    );
    let error = error.unwrap_err();
    assert!(error.contains("those decide about objects only"), "{error}");
}

/// A waPC guest that answers every call with this text.
fn wapc(answer: &str) -> String {
    let len = answer.replace("\\22", "\"").len();
    format!(
        r#"(module (import "wapc" "__guest_response" (func $answer (param i32 i32)))
        (memory (export "memory") 1) (data (i32.const 0) "{answer}")
        (func (export "__guest_call") (param i32 i32) (result i32)
            (call $answer (i32.const 0) (i32.const {len})) i32.const 1))"#
    )
}

#[test]
fn a_module_that_is_not_of_the_configured_type_is_refused() {
    let configuration = "admission: {modules: [{module: m.wasm, type: kubewarden}]}";
    let error = load(
        configuration,
        vec![("m.wasm", answering(&["validate"], ALLOWED))],
    )
    .unwrap_err();
    assert!(
        error.contains("says `type: kubewarden`, but the file is no Kubewarden policy"),
        "{error}"
    );
}

#[test]
fn a_mutating_policy_is_asked_by_mutate_and_without_it_by_validate() {
    let host = load(
        "admission: {modules: [{module: both.wasm, mutating: true}, {module: one.wasm, mutating: true}]}",
        vec![
            ("both.wasm", answering(&["mutate", "validate"], "{}")),
            ("one.wasm", answering(&["validate"], "{}")),
        ],
    )
    .expect("a host");
    let entry_points: Vec<&str> = host.policies().map(|policy| policy.entry_point).collect();
    assert_eq!(entry_points, ["mutate", "validate"]);
}

#[tokio::test]
async fn a_policy_can_be_asked_alone_by_its_name() {
    let host = load(
        "authorization: {modules: [{name: shy, module: shy.wasm}, {name: bold, module: bold.wasm}]}",
        vec![
            ("shy.wasm", answering(&["authz"], NO_OPINION)),
            ("bold.wasm", answering(&["authz"], ALLOWED)),
        ],
    )
    .expect("a host");
    let verdict = async |policy| {
        ask(&host, Plane::Authorization, policy, ACCESS)
            .await
            .expect("an answer")
            .verdict()
    };
    assert_eq!(verdict(None).await, Verdict::Allowed);
    assert_eq!(verdict(Some("shy")).await, Verdict::NoOpinion);
    assert_eq!(verdict(Some("bold")).await, Verdict::Allowed);
    let unknown = ask(&host, Plane::Authorization, Some("nobody"), ACCESS)
        .await
        .unwrap_err();
    assert_eq!(unknown.to_string(), "there is no policy `nobody` here");
}

#[tokio::test]
async fn what_is_no_review_is_an_error_of_the_question() {
    let host = load("", vec![]).expect("an empty host");
    for body in ["", "{}", "null", ACCESS] {
        assert!(matches!(
            ask(&host, Plane::Authentication, None, body).await,
            Err(EvaluateError::Review(_))
        ));
    }
}

#[tokio::test]
async fn a_failed_authorizer_leaves_the_decision_to_the_api_server() {
    let trap = r#"(module (memory (export "memory") 1) (func (export "authz") unreachable))"#;
    let host = load(
        "authorization: {modules: [{module: t.wasm}]}",
        vec![("t.wasm", trap.into())],
    )
    .expect("a host");
    let answered = ask(&host, Plane::Authorization, None, ACCESS)
        .await
        .expect("an answer");
    assert_eq!(answered.verdict(), Verdict::Failed);
    let Reply::Failed(message) = &answered.reply else {
        panic!("no review may be sent")
    };
    assert!(
        message.contains("policy `t.wasm` failed: the module trapped"),
        "{message}"
    );
    let (_, failure) = answered.trace.failures().next().expect("a failure");
    assert!(failure.detail.is_some(), "the backtrace is for the log");
}

#[tokio::test]
async fn the_audit_log_gets_the_trace_when_asked_for() {
    let accepts = answering(
        &["validate"],
        r#"{"response":{"response":{"allowed":true}}}"#,
    );
    let configuration = |more: &str| {
        format!(
            "admission:\n  {more}\n  modules:\n  - {{name: one, module: m.wasm, rules: &r [{{operations: ['*'], apiGroups: [''], apiVersions: ['*'], resources: [configmaps]}}]}}\n\
             \x20 - {{name: other, module: m.wasm}}\n  - {{name: watched, module: m.wasm, policyMode: monitor, rules: *r}}\n"
        )
    };
    let review = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"CREATE",
        "kind":{"group":"","version":"v1","kind":"ConfigMap"},"resource":{"group":"","version":"v1","resource":"configmaps"},
        "object":{"apiVersion":"v1","kind":"ConfigMap"}}}"#;
    for (more, expected) in [
        ("", None),
        (
            "auditTrace: true",
            Some(
                "one: accepted; other: not asked, none of its rules matches; watched: would be accepted, mode monitor",
            ),
        ),
    ] {
        let host = load(&configuration(more), vec![("m.wasm", accepts.clone())]).expect("loaded");
        let answered = ask(&host, Plane::Validation, None, review)
            .await
            .expect("a review");
        let Reply::Review(answer) = answered.reply else {
            panic!("no review");
        };
        let answer: serde_json::Value = serde_json::from_slice(&answer).expect("JSON");
        let trace = answer.pointer("/response/auditAnnotations/trace");
        assert_eq!(trace.and_then(|trace| trace.as_str()), expected);
    }
}
