//! The cases of the policies in Rust and Go.

use std::fs;
use std::path::Path;

use kubewarden::{Change, ExecutionMode, Failure, SettingsError, Validation, Verdict};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{
    Exchange, Session, Setup, block_on, built, generous_deadline, root, validate,
};

/// A file in `cases/`; `tests/policies/README.md` documents the format.
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
fn validating_policies_pass_their_cases() {
    replay("rust/deny-names", "deny_names", ExecutionMode::Wapc);
}

#[test]
fn mutating_policies_pass_their_cases() {
    replay("rust/add-labels", "add_labels", ExecutionMode::Wapc);
}

#[test]
fn context_aware_policies_pass_their_cases() {
    replay(
        "rust/namespace-rules",
        "namespace_rules",
        ExecutionMode::Wapc,
    );
}

#[test]
fn programs_pass_their_cases() {
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
    for entry in fs::read_dir(cases).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let case: Case = serde_json::from_str(&text).unwrap();
        check(&module, mode, &case, &path);
        count += 1;
    }
    assert!(count > 0, "{folder} has no cases");
}

fn check(module: &engine::Module, mode: ExecutionMode, case: &Case, path: &Path) {
    let context = format!("{} ({})", case.name, path.display());
    let exchanges: Vec<Exchange> = case.host_calls.iter().map(HostCall::exchange).collect();
    let session = Session::new(&exchanges);
    let mut setup = Setup::new(mode);
    setup.settings = case.settings.clone();
    setup.capabilities = session.capabilities.clone();
    setup.resources = ["Namespace", "ConfigMap"].map(resource).into();
    let policy = setup.load(module);
    match &case.request {
        Some(request) => {
            let found = to_case(validate(&policy, request, generous_deadline()));
            match (case.expected["error"].as_str(), found["error"].as_str()) {
                (Some(part), Some(error)) => assert!(error.contains(part), "{context}: {error}"),
                _ => assert_eq!(found, case.expected, "{context}"),
            }
        }
        None => {
            let settings = block_on(policy.validate_settings(generous_deadline()));
            assert_eq!(settings_to_case(settings), case.expected, "{context}");
        }
    }
    session.assert_complete(&context);
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
                let fields = json!({
                    "request": self.request["subject_access_review"],
                    "disable_cache": self.request["disable_cache"],
                });
                ("KubernetesCanI", fields)
            }
            other => panic!("cases do not support the call {other:?} yet"),
        };
        let response = match (&self.response, &self.error) {
            (Some(response), None) => Ok(response.to_string()),
            (None, Some(error)) => Err(error.clone()),
            _ => panic!("a call must have either a response or an error"),
        };
        (tag, fields, response)
    }
}

/// Formats a result like `expected` of a case.
fn to_case(result: Result<Validation, Failure>) -> Value {
    let validation = match result {
        Ok(validation) => validation,
        Err(failure) => return json!({"error": failure.to_string()}),
    };
    let mut case = json!({"accepted": matches!(validation.verdict, Verdict::Accept(_))});
    match validation.verdict {
        Verdict::Accept(None) => {}
        Verdict::Accept(Some(Change::Object(object))) => {
            case["mutated_object"] = serde_json::from_str(object.get()).unwrap();
        }
        Verdict::Accept(Some(Change::JsonPatch(patch))) => panic!("unexpected patch: {patch:?}"),
        Verdict::Reject(rejection) => {
            if let Some(message) = rejection.message {
                case["message"] = message.into();
            }
            if let Some(code) = rejection.code {
                case["code"] = code.into();
            }
        }
    }
    if !validation.warnings.is_empty() {
        case["warnings"] = validation.warnings.into();
    }
    if !validation.audit_annotations.is_empty() {
        case["audit_annotations"] = json!(validation.audit_annotations);
    }
    case
}

fn settings_to_case(settings: Result<(), SettingsError>) -> Value {
    match settings {
        Ok(()) => json!({"valid": true}),
        Err(SettingsError::Invalid { message }) => match message {
            Some(message) => json!({"valid": false, "message": message}),
            None => json!({"valid": false}),
        },
        Err(other) => json!({"error": other.to_string()}),
    }
}
