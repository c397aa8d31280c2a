//! Asks what `spec/vectors` and the examples' cases ask, through a configuration file, a chain and the engine.
//!
//! The modules come from `cargo xtask guests`, which tells their folder in `K8S_WASM_GUESTS`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use access::Plane;
use engine::{Engine, Options};
use host::config::{Format, Source};
use host::{Configuration, Evaluation, EvaluationRequest, FileModules, Host, Reply};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// One question and what must come back; `spec/vectors/README.md` has the form.
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

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum EntryPoint {
    Authn,
    Authz,
    Validate,
    Mutate,
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

/// S3: a failed call is never an allow.
#[test]
fn every_vector_of_the_specification_is_answered_as_it_says() {
    replay(&["spec/vectors"]);
}

/// S19: mirror pods are left alone.
#[test]
fn every_case_of_every_example_is_answered_as_it_says() {
    let examples = root().join("examples");
    let folders: Vec<String> = std::fs::read_dir(examples)
        .expect("examples")
        .map(|entry| entry.expect("an entry").path().join("cases"))
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
        // Where `cargo xtask guests` puts them, so that plain `cargo test` works after it.
        None => root().join("target/guests"),
    }
}

fn replay(folders: &[&str]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    // Each vector has a host of its own; the cache of compiled code makes a module of many vectors compile once.
    let cache = tempfile::tempdir().expect("a folder");
    let options = Options {
        code_cache: Some(cache.path().join("code")),
        ..Options::default()
    };
    let engine = Engine::new(options).expect("an engine");
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
            // Twice, because nothing may survive a call.
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
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
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
    let text = std::fs::read(file).expect("a readable file");
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

impl Vector {
    /// A host with this one policy, loaded from a configuration file as users write it.
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
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("config.yaml");
        std::fs::write(&file, configuration.to_string()).expect("a file");
        let configuration = Configuration::load(&[Source::file(Format::Configuration, file)])
            .unwrap_or_else(|error| panic!("{}: {error}", self.about));
        Host::load(&configuration, &FileModules, engine)
            .unwrap_or_else(|error| panic!("{}: {error}", self.about))
    }

    async fn check(&self, host: &Host) -> Result<(), String> {
        let plane = match self.entry_point {
            EntryPoint::Authn => Plane::Authentication,
            EntryPoint::Authz => Plane::Authorization,
            EntryPoint::Validate => Plane::Validation,
            EntryPoint::Mutate => Plane::Mutation,
        };
        let review = self.request.to_string();
        let question = EvaluationRequest {
            plane,
            policy: None,
            review: review.as_bytes(),
            already_evaluated: &[],
            deadline: Instant::now() + Duration::from_secs(30),
        };
        let answered = host
            .evaluate(question)
            .await
            .map_err(|error| error.to_string())?;
        match &self.expect {
            Expected::Failure { failure, says } => check_failure(&answered, failure, says),
            Expected::Answer { answer, object } => {
                if let Some((_, failure)) = answered.trace.failures().next() {
                    return Err(format!("the call failed: {failure} {:?}", failure.detail));
                }
                self.check_answer(&answered, answer, object.as_ref())
            }
        }
    }

    fn check_answer(
        &self,
        answered: &Evaluation,
        expected: &Value,
        object: Option<&Value>,
    ) -> Result<(), String> {
        let Reply::Review(bytes) = &answered.reply else {
            return Err(format!("no answer: {:?}", answered.reply));
        };
        let review: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        for member in ["apiVersion", "kind"] {
            same(member, &review[member], &self.request[member])?;
        }
        if plane_is_admission(self.entry_point) {
            same(
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

fn plane_is_admission(entry_point: EntryPoint) -> bool {
    matches!(entry_point, EntryPoint::Validate | EntryPoint::Mutate)
}

fn check_failure(answered: &Evaluation, kind: &str, says: &str) -> Result<(), String> {
    let Some((_, failure)) = answered.trace.failures().next() else {
        return Err(format!("the call did not fail: {:?}", answered.decision));
    };
    same("failure", &failure.kind.as_str().into(), &kind.into())?;
    contains("failure", &failure.message.as_str().into(), &says.into())
}

/// A patch is compared by what it does.
fn check_object(response: &Value, before: &Value, expected: Option<&Value>) -> Result<(), String> {
    let mut after = before.clone();
    if let Some(patch) = response.get("patch") {
        let patch = decode_base64(patch.as_str().unwrap_or_default());
        let patch: json_patch::Patch =
            serde_json::from_slice(&patch).map_err(|error| error.to_string())?;
        json_patch::patch(&mut after, &patch).map_err(|error| error.to_string())?;
    }
    same("object", &after, expected.unwrap_or(before))
}

/// By way of the type that carries base64 on the wire.
fn decode_base64(text: &str) -> Vec<u8> {
    let response: wire::admission::Response =
        serde_json::from_value(json!({"patch": text})).expect("base64");
    response.patch.expect("a patch")
}

fn check_members(found: &Value, expected: &Value) -> Result<(), String> {
    let nothing = json!({});
    let (got, want) = (found.as_object(), expected.as_object());
    let (Some(got), Some(want)) = (got.or(nothing.as_object()), want) else {
        return Err("the expected answer is no object".into());
    };
    for flag in ["authenticated", "allowed", "denied"] {
        same(
            flag,
            got.get(flag).unwrap_or(&json!(false)),
            want.get(flag).unwrap_or(&json!(false)),
        )?;
    }
    same(
        "user",
        got.get("user").unwrap_or(&Value::Null),
        want.get("user").unwrap_or(&Value::Null),
    )?;
    same(
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
            same(member, &found["status"][member], value)?;
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

fn same(what: &str, found: &Value, expected: &Value) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what} is {found}, expected {expected}"))
    }
}

fn contains(what: &str, found: &Value, expected: &Value) -> Result<(), String> {
    let (found, expected) = (
        found.as_str().unwrap_or_default(),
        expected.as_str().unwrap_or_default(),
    );
    if found.contains(expected) {
        Ok(())
    } else {
        Err(format!(
            "{what} is `{found}`, expected to contain `{expected}`"
        ))
    }
}
