//! Test vectors: what is asked and what must come back. The format is that of `spec/vectors/README.md`.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use wire::admission::PatchType;
use wire::{admission, authentication, authorization};

use super::EntryPoint;
use crate::Error;

/// One question and the answer that every host must give to it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Vector {
    /// What it shows, as a sentence.
    pub about: String,
    /// The module: the name of its file without `.wasm`.
    pub module: String,
    /// The entry point that the review is for.
    pub entry_point: EntryPoint,
    /// What the policy is configured with, besides settings. Only hosts look at it.
    #[serde(default)]
    pub policy: Value,
    /// The settings of the policy.
    #[serde(default)]
    pub settings: Option<Box<RawValue>>,
    /// The review as the API server posts it.
    pub request: Box<RawValue>,
    /// What must come back.
    pub expect: Expected,
}

/// What must come back for a vector.
#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Expected {
    /// An answer.
    Answer {
        /// The `status` (authentication, authorization) or the `response` (admission, without patch) of the answered
        /// review.
        answer: Value,
        /// The object after the patch; left out when it stays as it was.
        #[serde(default)]
        object: Option<Value>,
    },
    /// A failed call.
    Failure {
        /// Why it failed.
        failure: FailureKind,
        /// A part of the message.
        #[serde(default)]
        says: String,
    },
}

/// The kinds of failed calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// The module did something that WebAssembly forbids, or gave up.
    Trap,
    /// The module exited with a code other than 0.
    Exit,
    /// The output is no answer, or one that the specification forbids.
    Response,
    /// The module reported an error.
    Reported,
    /// The call took too long.
    Deadline,
    /// The module wanted more memory than it may have.
    Memory,
    /// The review is too large.
    Input,
    /// The output is too large.
    Output,
}

impl Vector {
    /// Reads every vector (`*.json`) below a directory, in the order of their paths.
    ///
    /// # Errors
    /// When a file cannot be read, or is no vector; the message names it.
    pub fn read_all(directory: &Path) -> Result<Vec<(PathBuf, Self)>, Error> {
        let mut vectors = Vec::new();
        for path in files_below(directory)? {
            let vector = fs::read(&path)
                .map_err(Error::from)
                .and_then(|bytes| Ok(serde_json::from_slice(&bytes)?))
                .map_err(|error| error.context(path.display()))?;
            vectors.push((path, vector));
        }
        Ok(vectors)
    }

    /// Compares what came back with what is expected. Natively, a policy fails only by reporting an error.
    pub(super) fn compare(&self, answered: Result<Value, Error>) -> Result<(), Error> {
        match (&self.expect, answered) {
            (Expected::Answer { answer, object }, Ok(review)) => {
                self.compare_answers(answer, object.as_ref(), &review)
            }
            (
                Expected::Failure {
                    failure: FailureKind::Reported,
                    says,
                },
                Err(error),
            ) => contains("error", error.message(), says),
            (Expected::Failure { failure, .. }, Ok(review)) => Err(Error::new(format_args!(
                "expected a failed call ({failure:?}), got {review}"
            ))),
            (_, Err(error)) => Err(error.context("the call failed")),
        }
    }

    fn compare_answers(
        &self,
        expected: &Value,
        object: Option<&Value>,
        review: &Value,
    ) -> Result<(), Error> {
        let review = to_raw_value(review)?;
        match self.entry_point {
            EntryPoint::Authn => {
                let expected: authentication::Status = Deserialize::deserialize(expected)?;
                equal(
                    "status",
                    &authentication::parse_response(&review)?,
                    &expected,
                )
            }
            EntryPoint::Authz => {
                let expected: authorization::Status = Deserialize::deserialize(expected)?;
                let status = authorization::parse_response(&review)?;
                equal("allowed", &status.allowed, &expected.allowed)?;
                equal("denied", &status.denied, &expected.denied)?;
                contains("reason", &status.reason, &expected.reason)
            }
            EntryPoint::Validate | EntryPoint::Mutate => {
                let expected: admission::Response = Deserialize::deserialize(expected)?;
                let response = admission::parse_response(&review)?;
                compare_responses(&response, &expected)?;
                self.compare_objects(&response, object)
            }
        }
    }

    /// Patches are compared by what they do.
    fn compare_objects(
        &self,
        response: &admission::Response,
        expected: Option<&Value>,
    ) -> Result<(), Error> {
        let review = admission::Review::parse(self.request.get().as_bytes())?;
        let before = review.request.object.map_or("null", RawValue::get);
        let mut object: Value = serde_json::from_str(before)?;
        let expected = expected.unwrap_or(&object).clone();
        match (&response.patch, response.patch_type) {
            (Some(patch), Some(PatchType::Full)) => object = serde_json::from_slice(patch)?,
            (Some(patch), Some(PatchType::JsonPatch)) => {
                let patch: json_patch::Patch = serde_json::from_slice(patch)?;
                json_patch::patch(&mut object, &patch)?;
            }
            (None, None) => {}
            _ => {
                return Err(Error::new(
                    "`patch` and `patchType` come together or not at all",
                ));
            }
        }
        equal("object", &object, &expected)
    }
}

fn compare_responses(
    actual: &admission::Response,
    expected: &admission::Response,
) -> Result<(), Error> {
    equal("allowed", &actual.allowed, &expected.allowed)?;
    let status = actual.status.clone().unwrap_or_default();
    let wanted = expected.status.clone().unwrap_or_default();
    contains("message", &status.message, &wanted.message)?;
    if wanted.code.is_some() {
        equal("code", &status.code, &wanted.code)?;
    }
    if !wanted.reason.is_empty() {
        equal("reason", &status.reason, &wanted.reason)?;
    }
    let warnings = actual.warnings.join("\n");
    for warning in &expected.warnings {
        contains("warnings", &warnings, warning)?;
    }
    for (key, value) in &expected.audit_annotations {
        equal(
            "audit annotation",
            &actual.audit_annotations.get(key),
            &Some(value),
        )?;
    }
    Ok(())
}

fn equal<T: PartialEq + std::fmt::Debug>(
    what: &str,
    actual: &T,
    expected: &T,
) -> Result<(), Error> {
    if actual == expected {
        return Ok(());
    }
    Err(Error::new(format_args!(
        "{what}: expected {expected:?}, got {actual:?}"
    )))
}

/// Hosts may say more around a text, such as the name of the policy.
fn contains(what: &str, actual: &str, expected: &str) -> Result<(), Error> {
    if actual.contains(expected) {
        return Ok(());
    }
    Err(Error::new(format_args!(
        "{what}: expected {expected:?}, got {actual:?}"
    )))
}

fn files_below(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let at = |error: io::Error| Error::from(error).context(directory.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(at)? {
        let path = entry.map_err(at)?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
