//! Tests of loading policies, and of evaluating reviews with a loaded host.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use access::{NoDecision, Plane};
use engine::{Engine, Options};
use host::config::{Format, Source};
use host::{
    Configuration, EvaluateError, EvaluationRequest, Host, ModuleSource, PolicyEntryPoint, Reply,
    Verdict,
};
use wire::EntryPoint;

/// Returns a module whose entry points return this output for every review.
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

/// A source of modules as text, by file name.
struct TextModules(Vec<(&'static str, String)>);

impl ModuleSource for TextModules {
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
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    let text = format!("apiVersion: k8s-wasm/v1alpha1\nkind: Configuration\n{configuration}");
    std::fs::write(&file, text).unwrap();
    let configuration = Configuration::load(&[Source::file(Format::Configuration, file)]).unwrap();
    let engine = Engine::new(Options::default()).unwrap();
    let directory = folder.path().display().to_string();
    Host::load(&configuration, &TextModules(modules), &engine)
        .map_err(|error| error.to_string().replace(&directory, "DIR"))
}

async fn evaluate(
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
fn reports_every_policy_that_cannot_be_loaded_with_its_position() {
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
            ("text.wasm", "not a module".into()),
            ("validator.wasm", answering(&["validate"], ALLOWED)),
        ],
    )
    .unwrap_err();
    let lines: Vec<&str> = error.lines().collect();
    let [missing, text, validator] = lines[..] else {
        panic!("three errors, got:\n{error}")
    };
    assert!(missing.starts_with("DIR/config.yaml:6:13: failed to load policy `missing.wasm` from `DIR/missing.wasm`: failed to read the file: "), "{missing}");
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
fn detects_kubewarden_policies_and_validates_their_settings() {
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
fn rejects_kubewarden_policies_on_other_planes() {
    let valid = wapc(r#"{\22valid\22:true}"#);
    let error = load(
        "authorization: {modules: [{module: kw.wasm}]}",
        vec![("kw.wasm", valid)],
    );
    let error = error.unwrap_err();
    assert!(
        error.contains("which is supported under `admission` only"),
        "{error}"
    );
}

/// Returns a waPC guest that returns this text for every call.
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
fn rejects_a_module_without_the_configured_type() {
    let configuration = "admission: {modules: [{module: m.wasm, type: kubewarden}]}";
    let error = load(
        configuration,
        vec![("m.wasm", answering(&["validate"], ALLOWED))],
    )
    .unwrap_err();
    assert!(
        error.contains("has `type: kubewarden`, but the file is not a Kubewarden policy"),
        "{error}"
    );
}

#[test]
fn a_mutating_policy_falls_back_to_validate() {
    let host = load(
        "admission: {modules: [{module: both.wasm, mutating: true}, {module: one.wasm, mutating: true}]}",
        vec![
            ("both.wasm", answering(&["mutate", "validate"], "{}")),
            ("one.wasm", answering(&["validate"], "{}")),
        ],
    ).unwrap();
    let entry_points: Vec<_> = host.policies().map(|policy| policy.entry_point).collect();
    let expected = [EntryPoint::Mutate, EntryPoint::Validate].map(PolicyEntryPoint::Function);
    assert_eq!(entry_points, expected);
}

#[tokio::test]
async fn evaluates_one_policy_by_name() {
    let host = load(
        "authorization: {modules: [{name: shy, module: shy.wasm}, {name: bold, module: bold.wasm}]}",
        vec![
            ("shy.wasm", answering(&["authz"], NO_OPINION)),
            ("bold.wasm", answering(&["authz"], ALLOWED)),
        ],
    ).unwrap();
    let verdict = async |policy| {
        evaluate(&host, Plane::Authorization, policy, ACCESS)
            .await
            .unwrap()
            .verdict()
    };
    assert_eq!(verdict(None).await, Verdict::Allowed);
    assert_eq!(verdict(Some("shy")).await, Verdict::NoOpinion);
    assert_eq!(verdict(Some("bold")).await, Verdict::Allowed);
    let unknown = evaluate(&host, Plane::Authorization, Some("unknown"), ACCESS)
        .await
        .unwrap_err();
    assert_eq!(unknown.to_string(), "there is no policy `unknown`");
}

#[tokio::test]
async fn rejects_bytes_that_are_not_a_review() {
    let host = load("", vec![]).unwrap();
    for body in ["", "{}", "null", ACCESS] {
        assert!(matches!(
            evaluate(&host, Plane::Authentication, None, body).await,
            Err(EvaluateError::Review(_))
        ));
    }
}

#[tokio::test]
async fn a_failed_authorizer_leaves_no_decision() {
    let trap = r#"(module (memory (export "memory") 1) (func (export "authz") unreachable))"#;
    let host = load(
        "authorization: {modules: [{module: t.wasm}]}",
        vec![("t.wasm", trap.into())],
    )
    .unwrap();
    let evaluation = evaluate(&host, Plane::Authorization, None, ACCESS)
        .await
        .unwrap();
    assert_eq!(evaluation.verdict(), Verdict::Failed);
    let Reply::NoDecision(NoDecision::PoliciesFailed(message)) = &evaluation.reply else {
        panic!("a review: {:?}", evaluation.reply)
    };
    assert!(
        message.contains("policy `t.wasm` failed: the module trapped"),
        "{message}"
    );
    let (_, failure) = evaluation.trace.failures().next().unwrap();
    assert!(failure.detail.is_some(), "the log contains the backtrace");
}

#[tokio::test]
async fn adds_the_trace_to_the_audit_log_if_configured() {
    let accepts = answering(
        &["validate"],
        r#"{"response":{"response":{"allowed":true}}}"#,
    );
    let configuration = |more: &str| {
        format!(
            "admission:\n  {more}\n  modules:\n  - {{name: one, module: m.wasm, rules: &r [{{operations: ['*'], apiGroups: [''], apiVersions: ['*'], resources: [configmaps]}}]}}\n\
             \x20 - {{name: other, module: m.wasm}}\n  - {{name: monitored, module: m.wasm, policyMode: monitor, rules: *r}}\n"
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
                "one: accepted; other: skipped, no rule matches; monitored: would be accepted, mode monitor",
            ),
        ),
    ] {
        let host = load(&configuration(more), vec![("m.wasm", accepts.clone())]).unwrap();
        let evaluation = evaluate(&host, Plane::Validation, None, review)
            .await
            .unwrap();
        let Reply::Review(review) = evaluation.reply else {
            panic!("no review");
        };
        let review: serde_json::Value = serde_json::from_slice(&review).unwrap();
        let trace = review.pointer("/response/auditAnnotations/trace");
        assert_eq!(trace.and_then(|trace| trace.as_str()), expected);
    }
}
