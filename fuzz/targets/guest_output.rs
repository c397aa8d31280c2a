//! What a module answers, on each plane and in both dialects. The first byte of an input says who answers, the rest is the
//! answer. However odd it is, nobody gets in by it.
#![no_main]

use std::io;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use access::Plane;
use fuzz::answerer;
use host::config::{Format, Source};
use host::{Evaluation, Configuration, Host, ModuleSource, EvaluationRequest, Reply, Verdict};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

fuzz_target!(init: { LazyLock::force(&HOST); }, |input: &[u8]| {
    let Some((who, answer)) = input.split_first() else {
        return;
    };
    let asked = Asked::of(*who);
    let answered = RUNTIME.with(|runtime| runtime.block_on(asked.ask(&answerer::told(answer))));
    never_an_allow(&answered);
    is_answer(asked, &answered);
});

thread_local! {
    static RUNTIME: Runtime = fuzz::runtime();
}

static HOST: LazyLock<Host> = LazyLock::new(|| {
    // What `debug: true` logs is made from the answer, too.
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_writer(io::sink)
        .init();
    let text = CONFIGURATION.as_bytes().to_vec();
    let source = Source::text(Format::Configuration, "/config.yaml", text);
    let configuration = Configuration::load(&[source]).expect("a configuration");
    Host::load(&configuration, &Modules, &fuzz::engine()).expect("a host")
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
            Some("own") => answerer::module(),
            _ => answerer::kubewarden(),
        };
        wat::parse_str(text).map_err(io::Error::other)
    }
}

/// Who is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Authenticator,
    Authorizer,
    Vetoer,
    Policy(Plane, &'static str),
    Raw(&'static str),
}

impl Asked {
    fn of(who: u8) -> Self {
        match who % 8 {
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

    async fn ask(self, told: &str) -> Evaluation {
        let (plane, policy) = match self {
            Self::Authenticator => (Plane::Authentication, "who"),
            Self::Authorizer => (Plane::Authorization, "adds"),
            Self::Vetoer => (Plane::Authorization, "vetoes"),
            Self::Policy(plane, policy) => (plane, policy),
            Self::Raw(policy) => {
                let body = json!({"request": {"uid": UID, "told": told}}).to_string();
                let answered = HOST.evaluate_raw(policy, body.as_bytes(), soon()).await;
                return answered.expect("a request");
            }
        };
        let review = review(plane, told).to_string();
        let question = EvaluationRequest {
            plane,
            policy: Some(policy),
            review: review.as_bytes(),
            already_evaluated: &[],
            deadline: soon(),
        };
        HOST.evaluate(question).await.expect("a review")
    }
}

const UID: &str = "4711";

/// No call of these takes longer; one that waits for the debugger may.
fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn review(plane: Plane, told: &str) -> Value {
    match plane {
        Plane::Authentication => json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "told": told,
            "spec": {"token": "t\u{fc}\"ken", "audiences": ["a", "b"]},
        }),
        Plane::Authorization => json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "told": told,
            "spec": {"user": "jane", "nonResourceAttributes": {"path": "/", "verb": "get"}},
        }),
        Plane::Mutation | Plane::Validation => json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": UID, "told": told, "operation": "UPDATE", "userInfo": {},
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

/// No policy here may be ignored: a call that failed lets nobody pass.
fn never_an_allow(answered: &Evaluation) {
    if answered.trace.failures().next().is_some() {
        let verdict = answered.verdict();
        assert!(
            matches!(
                verdict,
                Verdict::Unauthenticated | Verdict::Denied | Verdict::Failed
            ),
            "{verdict} {:?}",
            answered.trace
        );
    }
}

/// What is sent is an answer as kube-apiserver wants it.
fn is_answer(asked: Asked, answered: &Evaluation) {
    let bytes = match &answered.reply {
        Reply::NoDecision(no_decision) => {
            let told = no_decision.message();
            assert_eq!(answered.verdict(), Verdict::Failed);
            assert!(told.len() < 64 << 10);
            return;
        }
        Reply::Review(bytes) => bytes,
    };
    let review: Value = serde_json::from_slice(bytes).expect("JSON");
    match asked {
        Asked::Authenticator => is_identity(&review["status"], answered.verdict()),
        Asked::Authorizer | Asked::Vetoer => is_one_of(&review["status"], answered.verdict()),
        Asked::Policy(..) => is_admission(&review["response"], &object()),
        Asked::Raw(_) => is_admission(&review["response"], &Value::Null),
    }
}

fn is_identity(status: &Value, verdict: Verdict) {
    let authenticated = status["authenticated"] == true;
    assert_eq!(authenticated, verdict == Verdict::Authenticated);
    if !authenticated {
        assert!(status["user"].is_null());
        return;
    }
    assert!(status["error"].is_null());
    let user = &status["user"];
    let username = user["username"].as_str().expect("a name");
    let groups = user["groups"].as_array().into_iter().flatten();
    assert!(!username.is_empty() && !username.starts_with("system:"));
    for group in groups {
        assert!(!group.as_str().expect("a name").starts_with("system:"));
    }
}

fn is_one_of(status: &Value, verdict: Verdict) {
    let (allowed, denied) = (status["allowed"] == true, status["denied"] == true);
    assert!(!(allowed && denied));
    assert_eq!(allowed, verdict == Verdict::Allowed);
    assert_eq!(denied, verdict == Verdict::Denied);
}

/// The uid is that of the request, and a patch applies to its object; a raw request shows the patch of what is not known here.
fn is_admission(response: &Value, object: &Value) {
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
        let patch = patch.expect("base64").patch.expect("a patch");
        let patch: json_patch::Patch = serde_json::from_slice(&patch).expect("a patch");
        json_patch::patch(&mut object.clone(), &patch).expect("applies");
    }
}
