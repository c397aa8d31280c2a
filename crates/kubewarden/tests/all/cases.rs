//! Every case beside the policies in Rust and Go.

use std::fs;
use std::path::Path;

use kubewarden::{Change, ExecutionMode, Failure, SettingsError, Validation, Verdict};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::session::{Exchange, Session};
use crate::support::{Setup, ask, block_on, built, root, soon};

/// A file in `cases/`; `tests/policies/README.md` has the form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    settings: Value,
    request: Option<Value>,
    #[serde(default)]
    host_calls: Vec<HostCall>,
    expected: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HostCall {
    namespace: String,
    operation: String,
    request: Value,
    response: Option<Value>,
    error: Option<String>,
}

#[test]
fn policies_that_validate_answer_as_their_cases_say() {
    replay("rust/deny-names", "deny_names", ExecutionMode::Wapc);
}

#[test]
fn policies_that_mutate_answer_as_their_cases_say() {
    replay("rust/add-labels", "add_labels", ExecutionMode::Wapc);
}

#[test]
fn context_aware_policies_answer_as_their_cases_say() {
    replay(
        "rust/namespace-rules",
        "namespace_rules",
        ExecutionMode::Wapc,
    );
}

#[test]
fn programs_answer_as_their_cases_say() {
    replay(
        "go/required-annotations",
        "required_annotations",
        ExecutionMode::Wasi,
    );
}

fn replay(folder: &str, module: &str, mode: ExecutionMode) {
    let module = built(module);
    let cases = root().join("tests/policies").join(folder).join("cases");
    let mut count = 0;
    for entry in fs::read_dir(cases).expect("cases") {
        let path = entry.expect("a case").path();
        let text = fs::read_to_string(&path).expect("a case");
        let case: Case = serde_json::from_str(&text).expect("the form of a case");
        check(&module, mode, &case, &path);
        count += 1;
    }
    assert!(count > 0, "{folder} has no cases");
}

fn check(module: &engine::Module, mode: ExecutionMode, case: &Case, path: &Path) {
    let what = format!("{} ({})", case.name, path.display());
    let exchanges: Vec<Exchange> = case.host_calls.iter().map(HostCall::exchange).collect();
    let session = Session::of(&exchanges);
    let mut setup = Setup::new(mode);
    setup.settings = case.settings.clone();
    setup.capabilities = session.capabilities.clone();
    setup.resources = ["Namespace", "ConfigMap"].map(resource).into();
    let policy = setup.load(module);
    match &case.request {
        Some(request) => {
            let found = told(ask(&policy, request, soon()));
            match (case.expected["error"].as_str(), found["error"].as_str()) {
                (Some(part), Some(error)) => assert!(error.contains(part), "{what}: {error}"),
                _ => assert_eq!(found, case.expected, "{what}"),
            }
        }
        None => {
            let settings = block_on(policy.validate_settings(soon()));
            assert_eq!(told_settings(settings), case.expected, "{what}");
        }
    }
    session.is_over(&what);
}

fn resource(kind: &str) -> capabilities::KubernetesResource {
    capabilities::KubernetesResource {
        api_version: "v1".to_owned(),
        kind: kind.to_owned(),
    }
}

impl HostCall {
    fn exchange(&self) -> Exchange {
        let (tag, fields) = match (self.namespace.as_str(), self.operation.as_str()) {
            ("kubernetes", "get_resource") => ("KubernetesGetResource", self.request.clone()),
            ("kubernetes", "list_resources_all") => {
                ("KubernetesListResourceAll", self.request.clone())
            }
            ("kubernetes", "list_resources_by_namespace") => {
                ("KubernetesListResourceNamespace", self.request.clone())
            }
            ("kubernetes", "can_i") => {
                let asked = &self.request;
                let fields = json!({
                    "request": asked["subject_access_review"],
                    "disable_cache": asked["disable_cache"],
                });
                ("KubernetesCanI", fields)
            }
            other => panic!("no case makes the call {other:?} yet"),
        };
        let answer = match (&self.response, &self.error) {
            (Some(response), None) => Ok(response.to_string()),
            (None, Some(error)) => Err(error.clone()),
            _ => panic!("a call has a response or an error"),
        };
        (tag, fields, answer)
    }
}

/// An answer in the words of a case.
fn told(answer: Result<Validation, Failure>) -> Value {
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) => return json!({"error": failure.to_string()}),
    };
    let mut told = json!({"accepted": matches!(answer.verdict, Verdict::Accept(_))});
    match answer.verdict {
        Verdict::Accept(None) => {}
        Verdict::Accept(Some(Change::Object(object))) => {
            told["mutated_object"] = serde_json::from_str(object.get()).expect("an object");
        }
        Verdict::Accept(Some(Change::JsonPatch(patch))) => panic!("a patch: {patch:?}"),
        Verdict::Reject(rejection) => {
            if let Some(message) = rejection.message {
                told["message"] = message.into();
            }
            if let Some(code) = rejection.code {
                told["code"] = code.into();
            }
        }
    }
    if !answer.warnings.is_empty() {
        told["warnings"] = answer.warnings.into();
    }
    if !answer.audit_annotations.is_empty() {
        told["audit_annotations"] = json!(answer.audit_annotations);
    }
    told
}

fn told_settings(settings: Result<(), SettingsError>) -> Value {
    match settings {
        Ok(()) => json!({"valid": true}),
        Err(SettingsError::Invalid { message }) => match message {
            Some(message) => json!({"valid": false, "message": message}),
            None => json!({"valid": false}),
        },
        Err(other) => json!({"error": other.to_string()}),
    }
}
