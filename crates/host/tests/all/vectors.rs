//! Replays `spec/vectors` and the cases of the examples through a configuration file, a chain and
//! the engine.
//!
//! `cargo xtask guests` builds the modules. `K8S_WASM_GUESTS` is their directory.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use access::Plane;
use engine::{Engine, Options};
use host::config::{Format, Source};
use host::{Configuration, Evaluation, EvaluationRequest, FileModules, Host, Reply};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use wire::EntryPoint;

/// A request and the expected response; `spec/vectors/README.md` describes the format.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Vector {
    about: String,
    module: String,
    entry_point: EntryPoint,
    #[serde(default)]
    policy: Map<String, Value>,
    settings: Option<Value>,
    request: Value,
    expect: Expected,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Expected {
    Answer {
        answer: Value,
        object: Option<Value>,
    },
    Failure {
        failure: String,
        #[serde(default)]
        says: String,
    },
}

/// S3: a failed call never allows a request.
#[test]
fn replays_every_vector_of_the_specification() {
    replay(&["spec/vectors"]);
}

/// S19: mirror pods are not changed.
#[test]
fn replays_every_case_of_every_example() {
    let examples = root().join("examples");
    let folders: Vec<String> = std::fs::read_dir(examples)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("cases"))
        .filter(|cases| cases.is_dir())
        .map(|cases| cases.display().to_string())
        .collect();
    replay(&folders.iter().map(String::as_str).collect::<Vec<_>>());
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn guests() -> PathBuf {
    match std::env::var_os("K8S_WASM_GUESTS") {
        Some(folder) => folder.into(),
        // The output of `cargo xtask guests`, so that plain `cargo test` works after it.
        None => root().join("target/guests"),
    }
}

fn replay(folders: &[&str]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    // Each vector has its own host. The code cache avoids compiling a module once per vector.
    let cache = tempfile::tempdir().unwrap();
    let options = Options {
        code_cache: Some(cache.path().join("code")),
        ..Options::default()
    };
    let engine = Engine::new(options).unwrap();
    let mut files = Vec::new();
    folders
        .iter()
        .for_each(|folder| json_files(&root().join(folder), &mut files));
    assert!(!files.is_empty(), "no vectors in {folders:?}");
    let wrong: Vec<String> = files
        .iter()
        .filter_map(|file| {
            let vector = read(file);
            let host = vector.host(&engine);
            // Twice, because a call must not affect the next one.
            let checked = (0..2).try_for_each(|_| runtime.block_on(vector.check(&host)));
            checked
                .err()
                .map(|error| format!("{} ({}): {error}", file.display(), vector.about))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} wrong:\n{}",
        wrong.len(),
        files.len(),
        wrong.join("\n")
    );
}

fn json_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            json_files(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            found.push(path);
        }
    }
}

fn read(file: &Path) -> Vector {
    let text = std::fs::read(file).unwrap();
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

impl Vector {
    /// Loads a host with this policy from a configuration file.
    fn host(&self, engine: &Engine) -> Host {
        let module = guests().join(format!("{}.wasm", self.module));
        assert!(
            module.exists(),
            "{} is missing: run `cargo xtask guests`",
            module.display()
        );
        let mut entry = self.policy.clone();
        entry.insert("name".into(), "vector".into());
        entry.insert("module".into(), module.display().to_string().into());
        if let Some(settings) = &self.settings {
            entry.insert("settings".into(), settings.clone());
        }
        let plane = match self.entry_point {
            EntryPoint::Authn => "authentication",
            EntryPoint::Authz => "authorization",
            EntryPoint::Validate | EntryPoint::Mutate => {
                let everything = json!({"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]});
                entry.insert("rules".into(), json!([everything]));
                entry.insert(
                    "mutating".into(),
                    (self.entry_point == EntryPoint::Mutate).into(),
                );
                "admission"
            }
        };
        let configuration = json!({
            "apiVersion": "k8s-wasm/v1alpha1", "kind": "Configuration", plane: {"modules": [entry]}
        });
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        std::fs::write(&file, configuration.to_string()).unwrap();
        let configuration = Configuration::load(&[Source::file(Format::Configuration, file)])
            .unwrap_or_else(|error| panic!("{}: {error}", self.about));
        Host::load(&configuration, &FileModules, engine)
            .unwrap_or_else(|error| panic!("{}: {error}", self.about))
    }

    async fn check(&self, host: &Host) -> Result<(), String> {
        let review = self.request.to_string();
        let request = EvaluationRequest {
            plane: Plane::from(self.entry_point),
            policy: None,
            review: review.as_bytes(),
            already_evaluated: &[],
            deadline: Instant::now() + Duration::from_secs(30),
        };
        let evaluation = host
            .evaluate(request)
            .await
            .map_err(|error| error.to_string())?;
        match &self.expect {
            Expected::Failure { failure, says } => check_failure(&evaluation, failure, says),
            Expected::Answer { answer, object } => {
                if let Some((_, failure)) = evaluation.trace.failures().next() {
                    return Err(format!("the call failed: {failure} {:?}", failure.detail));
                }
                self.check_response(&evaluation, answer, object.as_ref())
            }
        }
    }

    fn check_response(
        &self,
        evaluation: &Evaluation,
        expected: &Value,
        object: Option<&Value>,
    ) -> Result<(), String> {
        let Reply::Review(bytes) = &evaluation.reply else {
            return Err(format!("no review: {:?}", evaluation.reply));
        };
        let review: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        for member in ["apiVersion", "kind"] {
            equals(member, &review[member], &self.request[member])?;
        }
        if is_admission(self.entry_point) {
            equals(
                "uid",
                &review["response"]["uid"],
                &self.request["request"]["uid"],
            )?;
            check_object(
                &review["response"],
                &self.request["request"]["object"],
                object,
            )?;
            check_members(&review["response"], expected)
        } else {
            check_members(&review["status"], expected)
        }
    }
}

fn is_admission(entry_point: EntryPoint) -> bool {
    matches!(entry_point, EntryPoint::Validate | EntryPoint::Mutate)
}

fn check_failure(evaluation: &Evaluation, kind: &str, says: &str) -> Result<(), String> {
    let Some((_, failure)) = evaluation.trace.failures().next() else {
        return Err(format!("the call did not fail: {:?}", evaluation.decision));
    };
    equals("failure", &failure.kind.as_str().into(), &kind.into())?;
    contains("failure", &failure.message.as_str().into(), &says.into())
}

/// Checks a patch by its effect on the object.
fn check_object(response: &Value, before: &Value, expected: Option<&Value>) -> Result<(), String> {
    let mut after = before.clone();
    if let Some(patch) = response.get("patch") {
        let patch = decode_base64(patch.as_str().unwrap_or_default());
        let patch: json_patch::Patch =
            serde_json::from_slice(&patch).map_err(|error| error.to_string())?;
        json_patch::patch(&mut after, &patch).map_err(|error| error.to_string())?;
    }
    equals("object", &after, expected.unwrap_or(before))
}

/// Decodes base64 with the type that contains it in JSON.
fn decode_base64(text: &str) -> Vec<u8> {
    let response: wire::admission::Response =
        serde_json::from_value(json!({"patch": text})).unwrap();
    response.patch.unwrap()
}

fn check_members(found: &Value, expected: &Value) -> Result<(), String> {
    let empty = json!({});
    let (got, want) = (found.as_object(), expected.as_object());
    let (Some(got), Some(want)) = (got.or(empty.as_object()), want) else {
        return Err("the expected answer is not an object".into());
    };
    for flag in ["authenticated", "allowed", "denied"] {
        equals(
            flag,
            got.get(flag).unwrap_or(&json!(false)),
            want.get(flag).unwrap_or(&json!(false)),
        )?;
    }
    equals(
        "user",
        got.get("user").unwrap_or(&Value::Null),
        want.get("user").unwrap_or(&Value::Null),
    )?;
    equals(
        "audiences",
        got.get("audiences").unwrap_or(&json!([])),
        want.get("audiences").unwrap_or(&json!([])),
    )?;
    contains("reason", &found["reason"], &expected["reason"])?;
    contains(
        "status.message",
        &found["status"]["message"],
        &expected["status"]["message"],
    )?;
    for member in ["code", "reason"] {
        if let Some(value) = expected["status"].get(member) {
            equals(member, &found["status"][member], value)?;
        }
    }
    for warning in expected["warnings"].as_array().into_iter().flatten() {
        let warnings = found["warnings"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        if !warnings
            .iter()
            .any(|got| contains("warnings", got, warning).is_ok())
        {
            return Err(format!("warnings: {warnings:?} lacks {warning}"));
        }
    }
    for (key, value) in expected["auditAnnotations"]
        .as_object()
        .into_iter()
        .flatten()
    {
        let annotations = found["auditAnnotations"].as_object();
        if !annotations
            .is_some_and(|all| all.iter().any(|(got, v)| got.ends_with(key) && v == value))
        {
            return Err(format!("auditAnnotations: {annotations:?} lacks {key}"));
        }
    }
    Ok(())
}

fn equals(name: &str, found: &Value, expected: &Value) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{name} is {found}, expected {expected}"))
    }
}

fn contains(name: &str, found: &Value, expected: &Value) -> Result<(), String> {
    let (found, expected) = (
        found.as_str().unwrap_or_default(),
        expected.as_str().unwrap_or_default(),
    );
    if found.contains(expected) {
        Ok(())
    } else {
        Err(format!(
            "{name} is `{found}`, expected to contain `{expected}`"
        ))
    }
}
