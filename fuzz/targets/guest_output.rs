//! Output of modules, on each plane and in both protocols. The first byte of an input selects the
//! policy, the rest is the output. No malformed output may lead to an allow.
#![no_main]

use std::io;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use access::Plane;
use fuzz::responder;
use host::config::{Format, Source};
use host::{Configuration, Evaluation, EvaluationRequest, Host, ModuleSource, Reply, Verdict};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

fuzz_target!(init: { LazyLock::force(&HOST); }, |input: &[u8]| {
    let Some((selector, output)) = input.split_first() else {
        return;
    };
    let target = Target::from_selector(*selector);
    let encoded = responder::encode(output);
    let evaluation = RUNTIME.with(|runtime| runtime.block_on(target.evaluate(&encoded)));
    assert_not_allowed_after_failure(&evaluation);
    assert_valid_response(target, &evaluation);
});

thread_local! {
    static RUNTIME: Runtime = fuzz::runtime();
}

static HOST: LazyLock<Host> = LazyLock::new(|| {
    // The log of `debug: true` contains the output as well.
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_writer(io::sink)
        .init();
    let text = CONFIGURATION.as_bytes().to_vec();
    let source = Source::text(Format::Configuration, "/config.yaml", text);
    let configuration = Configuration::load(&[source]).expect("the configuration is valid");
    Host::load(&configuration, &Modules, &fuzz::engine()).expect("the host loads")
});

const CONFIGURATION: &str = r#"
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authentication:
  modules:
  - {name: who, module: own.wasm, debug: true}
authorization:
  modules:
  - {name: adds, module: own.wasm, debug: true}
  - {name: vetoes, module: own.wasm, failurePolicy: Deny}
admission:
  modules:
  - {name: validates, module: own.wasm, rules: &all [{operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*/*"]}]}
  - {name: mutates, module: own.wasm, mutating: true, debug: true, rules: *all}
  - {name: kubewarden, module: kubewarden.wasm, rules: *all}
  - {name: kubewarden-mutates, module: kubewarden.wasm, mutating: true, rules: *all}
"#;

struct Modules;

impl ModuleSource for Modules {
    fn read(&self, module: &Path) -> io::Result<Vec<u8>> {
        let text = match module.file_stem().and_then(|name| name.to_str()) {
            Some("own") => responder::module(),
            _ => responder::kubewarden(),
        };
        wat::parse_str(text).map_err(io::Error::other)
    }
}

/// The policy that is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Authenticator,
    Authorizer,
    Vetoer,
    Policy(Plane, &'static str),
    Raw(&'static str),
}

impl Target {
    fn from_selector(selector: u8) -> Self {
        match selector % 8 {
            0 => Self::Authenticator,
            1 => Self::Authorizer,
            2 => Self::Vetoer,
            3 => Self::Policy(Plane::Validation, "validates"),
            4 => Self::Policy(Plane::Mutation, "mutates"),
            5 => Self::Policy(Plane::Validation, "kubewarden"),
            6 => Self::Policy(Plane::Mutation, "kubewarden-mutates"),
            _ => Self::Raw("kubewarden-mutates"),
        }
    }

    async fn evaluate(self, output: &str) -> Evaluation {
        let (plane, policy) = match self {
            Self::Authenticator => (Plane::Authentication, "who"),
            Self::Authorizer => (Plane::Authorization, "adds"),
            Self::Vetoer => (Plane::Authorization, "vetoes"),
            Self::Policy(plane, policy) => (plane, policy),
            Self::Raw(policy) => {
                let body = json!({"request": {"uid": UID, "output": output}}).to_string();
                let evaluation = HOST.evaluate_raw(policy, body.as_bytes(), deadline()).await;
                return evaluation.expect("the request is valid");
            }
        };
        let review = review(plane, output).to_string();
        let request = EvaluationRequest {
            plane,
            policy: Some(policy),
            review: review.as_bytes(),
            already_evaluated: &[],
            deadline: deadline(),
        };
        HOST.evaluate(request).await.expect("the review is valid")
    }
}

const UID: &str = "4711";

/// Returns a deadline that no call misses outside a debugger.
fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn review(plane: Plane, output: &str) -> Value {
    match plane {
        Plane::Authentication => json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "output": output,
            "spec": {"token": "t\u{fc}\"ken", "audiences": ["a", "b"]},
        }),
        Plane::Authorization => json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "output": output,
            "spec": {"user": "jane", "nonResourceAttributes": {"path": "/", "verb": "get"}},
        }),
        Plane::Mutation | Plane::Validation => json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": UID, "output": output, "operation": "UPDATE", "userInfo": {},
                "kind": {"group": "", "version": "v1", "kind": "ConfigMap"},
                "resource": {"group": "", "version": "v1", "resource": "configmaps"},
                "object": object(),
            },
        }),
    }
}

fn object() -> Value {
    json!({"metadata": {"name": "a", "labels": {"b": "c"}}, "data": {"k": "v"}, "list": [1, 2.5, {"name": "x"}]})
}

/// Asserts that a failed call never leads to an allow; no policy here has `failurePolicy: Ignore`.
fn assert_not_allowed_after_failure(evaluation: &Evaluation) {
    if evaluation.trace.failures().next().is_some() {
        let verdict = evaluation.verdict();
        assert!(
            matches!(
                verdict,
                Verdict::Unauthenticated | Verdict::Denied | Verdict::Failed
            ),
            "{verdict} {:?}",
            evaluation.trace
        );
    }
}

/// Asserts that kube-apiserver accepts the response.
fn assert_valid_response(target: Target, evaluation: &Evaluation) {
    let bytes = match &evaluation.reply {
        Reply::NoDecision(no_decision) => {
            let message = no_decision.message();
            assert_eq!(evaluation.verdict(), Verdict::Failed);
            assert!(message.len() < 64 << 10);
            return;
        }
        Reply::Review(bytes) => bytes,
    };
    let review: Value = serde_json::from_slice(bytes).expect("the response is JSON");
    match target {
        Target::Authenticator => assert_valid_identity(&review["status"], evaluation.verdict()),
        Target::Authorizer | Target::Vetoer => {
            assert_valid_authorization(&review["status"], evaluation.verdict())
        }
        Target::Policy(..) => assert_valid_admission(&review["response"], &object()),
        Target::Raw(_) => assert_valid_admission(&review["response"], &Value::Null),
    }
}

fn assert_valid_identity(status: &Value, verdict: Verdict) {
    let authenticated = status["authenticated"] == true;
    assert_eq!(authenticated, verdict == Verdict::Authenticated);
    if !authenticated {
        assert!(status["user"].is_null());
        return;
    }
    assert!(status["error"].is_null());
    let user = &status["user"];
    let username = user["username"].as_str().expect("names are strings");
    let groups = user["groups"].as_array().into_iter().flatten();
    assert!(!username.is_empty() && !username.starts_with("system:"));
    for group in groups {
        assert!(
            !group
                .as_str()
                .expect("names are strings")
                .starts_with("system:")
        );
    }
}

fn assert_valid_authorization(status: &Value, verdict: Verdict) {
    let (allowed, denied) = (status["allowed"] == true, status["denied"] == true);
    assert!(!(allowed && denied));
    assert_eq!(allowed, verdict == Verdict::Allowed);
    assert_eq!(denied, verdict == Verdict::Denied);
}

/// Asserts that the uid is that of the request, and that a patch applies to its object. The patch of a
/// raw request is not checked, because its object is not known here.
fn assert_valid_admission(response: &Value, object: &Value) {
    assert_eq!(response["uid"], UID);
    let warnings = response["warnings"].as_array().into_iter().flatten();
    let patch = response["patch"].as_str();
    assert!(response["allowed"] == true || patch.is_none());
    if !object.is_null() {
        let length: usize = warnings.map(|warning| warning.to_string().len()).sum();
        assert!(length < 64 << 10);
    }
    if let (Some(patch), false) = (patch, object.is_null()) {
        let patch = serde_json::from_value::<wire::admission::Response>(json!({"patch": patch}));
        let patch = patch
            .expect("the patch is base64")
            .patch
            .expect("there is a patch");
        let patch: json_patch::Patch = serde_json::from_slice(&patch).expect("the text is a patch");
        json_patch::patch(&mut object.clone(), &patch).expect("the patch applies");
    }
}
