//! The cases of the policies in Rego.

use std::fs;

use capabilities::KubernetesResource;
use engine::CallError;
use kubewarden::{ExecutionMode, Failure, SettingsError, Verdict};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{
    Exchange, Session, Setup, any_request, block_on, built, built_bytes, deadline_in_ms,
    generous_deadline, root, validate,
};

/// The contents of `cases.json`; `tests/policies/rego/README.md` documents the format.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Cases {
    builtins: Vec<String>,
    #[serde(default)]
    context_aware_resources: Vec<KubernetesResource>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    request: Value,
    #[serde(default)]
    settings: Value,
    #[serde(default)]
    objects: Vec<Value>,
    allowed: Option<bool>,
    message: Option<String>,
    fails: Option<String>,
}

#[test]
fn policies_for_opa_pass_their_cases() {
    for name in [
        "conflict",
        "endless",
        "hoarding",
        "namespace-team",
        "privileged-pods",
        "release-images",
    ] {
        replay("opa", name, ExecutionMode::Opa);
    }
}

#[test]
fn policies_for_gatekeeper_pass_their_cases() {
    for name in ["required-labels", "unique-ingress-host"] {
        replay("gatekeeper", name, ExecutionMode::Gatekeeper);
    }
}

#[test]
fn rejects_a_policy_that_requires_an_unknown_function_when_it_is_loaded() {
    let policy = Setup::new(ExecutionMode::Opa).load(&built("opa-http-send"));
    let error = block_on(policy.validate_settings(generous_deadline())).unwrap_err();
    let SettingsError::Builtins(missing) = error else {
        panic!("{error}")
    };
    assert_eq!(missing, ["http.send"]);
}

#[test]
fn calls_built_in_functions_with_a_single_permit() {
    let options = engine::Options {
        max_concurrent_calls: std::num::NonZeroU32::MIN,
        ..engine::Options::default()
    };
    let engine = engine::Engine::new(options).unwrap();
    let module = engine
        .load(&built_bytes("gatekeeper-required-labels"))
        .unwrap();
    let mut setup = Setup::new(ExecutionMode::Gatekeeper);
    setup.settings = json!({"labels": [{"key": "cost"}]});
    let policy = setup.load(&module);
    validate(&policy, &any_request(), generous_deadline()).unwrap();
}

fn replay(mode: &str, name: &str, execution_mode: ExecutionMode) {
    let module = built(&format!("{mode}-{name}"));
    let file = root()
        .join("tests/policies/rego")
        .join(mode)
        .join(name)
        .join("cases.json");
    let cases: Cases = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert!(
        cases.builtins.iter().all(|name| rego::find(name).is_some()),
        "{name}"
    );
    for case in &cases.cases {
        check(&module, execution_mode, &cases, case);
    }
}

fn check(module: &engine::Module, mode: ExecutionMode, cases: &Cases, case: &Case) {
    let session = Session::new(&context(mode, cases, case));
    let mut setup = Setup::new(mode);
    setup.settings = case.settings.clone();
    setup.capabilities = session.capabilities.clone();
    setup.resources = cases.context_aware_resources.clone();
    let policy = setup.load(module);
    block_on(policy.validate_settings(generous_deadline())).unwrap();
    let deadline = match &case.fails {
        Some(_) => deadline_in_ms(3000),
        None => generous_deadline(),
    };
    let result = validate(&policy, &completed(&case.request), deadline);
    match &case.fails {
        Some(kind_of_failure) => {
            let failure = result.unwrap_err();
            let expected: &[&str] = match kind_of_failure.as_str() {
                // The limit that is reached first depends on the machine.
                "deadline" | "memory" => &["deadline", "memory"],
                _ => &["abort"],
            };
            assert!(
                expected.contains(&kind(&failure)),
                "{}: {failure}",
                case.name
            );
        }
        None => {
            let verdict = result
                .unwrap_or_else(|failure| panic!("{}: {failure}", case.name))
                .verdict;
            let (allowed, message) = match verdict {
                Verdict::Accept(_) => (true, None),
                Verdict::Reject(rejection) => (false, rejection.message.as_deref().map(sorted)),
            };
            assert_eq!(
                (Some(allowed), &message),
                (case.allowed, &case.message.as_deref().map(sorted)),
                "{}",
                case.name
            );
        }
    }
    session.assert_complete(&case.name);
}

/// Sorts the violations in a message. They are a set, without a defined order.
fn sorted(message: &str) -> String {
    let mut parts: Vec<&str> = message.split(", ").collect();
    parts.sort_unstable();
    parts.join(", ")
}

fn kind(failure: &Failure) -> &'static str {
    let Failure::Call(failed) = failure else {
        return "response";
    };
    match &failed.error {
        CallError::Deadline(_) => "deadline",
        CallError::Memory { .. } => "memory",
        CallError::Reported(_) => "abort",
        _ => "other",
    }
}

/// Adds the required members to a request.
fn completed(request: &Value) -> Value {
    let mut completed = any_request();
    if let Some(completed) = completed.as_object_mut() {
        completed.remove("object");
        completed.extend(request.as_object().unwrap().clone());
    }
    completed
}

/// Returns the requests for the context of a policy: a list of each kind, then the plural names.
fn context(mode: ExecutionMode, cases: &Cases, case: &Case) -> Vec<Exchange> {
    let mut resources = cases.context_aware_resources.clone();
    resources.sort();
    let list = |resource: &KubernetesResource| -> Exchange {
        let of_kind = |object: &&Value| {
            object["kind"] == resource.kind && object["apiVersion"] == resource.api_version
        };
        let items: Vec<&Value> = case.objects.iter().filter(of_kind).collect();
        let fields = json!({
            "api_version": resource.api_version, "kind": resource.kind,
            "label_selector": null, "field_selector": null, "field_masks": null,
        });
        let payload = json!({
            "apiVersion": resource.api_version, "kind": format!("{}List", resource.kind),
            "metadata": {}, "items": items,
        });
        ("KubernetesListResourceAll", fields, Ok(payload.to_string()))
    };
    let plural = |resource: &KubernetesResource| -> Exchange {
        let fields = json!({"api_version": resource.api_version, "kind": resource.kind});
        let plural = match resource.kind.to_lowercase().as_str() {
            kind if kind.ends_with('s') => format!("{kind}es"),
            kind => format!("{kind}s"),
        };
        (
            "KubernetesGetResourcePluralName",
            fields,
            Ok(json!(plural).to_string()),
        )
    };
    let mut exchanges: Vec<Exchange> = resources.iter().map(list).collect();
    if mode == ExecutionMode::Opa {
        exchanges.extend(resources.iter().map(plural));
    }
    exchanges
}
