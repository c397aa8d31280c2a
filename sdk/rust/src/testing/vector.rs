//! Test vectors: requests with their expected results, in the format of `spec/vectors/README.md`.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use wire::admission::PatchType;
use wire::{admission, authentication, authorization};

use crate::entry::EntryPoint;
use crate::error::Error;

/// A request and the result that every host must return for it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Vector {
    /// A sentence that describes the expected behaviour.
    pub about: String,
    /// The name of the module's file without `.wasm`.
    pub module: String,
    /// The entry point that the review is for.
    pub entry_point: EntryPoint,
    /// The configuration of the policy except for its settings. Only hosts use it.
    #[serde(default)]
    pub policy: Value,
    /// The settings of the policy.
    #[serde(default)]
    pub settings: Option<Box<RawValue>>,
    /// The review as the API server sends it.
    pub request: Box<RawValue>,
    /// The expected result.
    pub expect: Expected,
}

/// The expected result of a vector.
#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Expected {
    /// A response, `answer` in the file.
    Response {
        /// The `status` (authentication, authorization) or the `response` (admission, without its
        /// patch) of the review.
        #[serde(rename = "answer")]
        response: Value,
        /// The object after the patch; `None` if it is unchanged.
        #[serde(default)]
        object: Option<Value>,
    },
    /// A failed call.
    Failure {
        /// The kind of the failure.
        failure: FailureKind,
        /// A part of the message.
        #[serde(default)]
        says: String,
    },
}

/// The kind of a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// The module trapped.
    Trap,
    /// The module exited with a code other than 0.
    Exit,
    /// The output is not a response that the specification allows.
    #[serde(alias = "answer")]
    Response,
    /// The module returned an error.
    Reported,
    /// The call reached its deadline.
    Deadline,
    /// The module reached its memory limit.
    Memory,
    /// The review exceeds the limit of the input.
    Input,
    /// The output exceeds its limit.
    Output,
}

impl FailureKind {
    /// Returns the kind as hosts name it in their logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Exit => "exit",
            Self::Response => "response",
            Self::Reported => "reported",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}

impl Vector {
    /// Reads every vector (`*.json`) below a directory, in the order of their paths.
    ///
    /// # Errors
    /// If a file cannot be read or is not a vector; the message names it.
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

    /// Compares a result with the expected one. A native policy can fail only by returning an
    /// error.
    pub(super) fn compare(&self, result: Result<Value, Error>) -> Result<(), Error> {
        match (&self.expect, result) {
            (Expected::Response { response, object }, Ok(review)) => {
                self.compare_reviews(response, object.as_ref(), &review)
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

    fn compare_reviews(
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

    /// Compares the patched objects, since different patches may have the same effect.
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
                return Err(Error::new("`patch` and `patchType` must be set together"));
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
    let expected_status = expected.status.clone().unwrap_or_default();
    contains("message", &status.message, &expected_status.message)?;
    if expected_status.code.is_some() {
        equal("code", &status.code, &expected_status.code)?;
    }
    if !expected_status.reason.is_empty() {
        equal("reason", &status.reason, &expected_status.reason)?;
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
    field: &str,
    actual: &T,
    expected: &T,
) -> Result<(), Error> {
    if actual == expected {
        return Ok(());
    }
    Err(Error::new(format_args!(
        "{field}: expected {expected:?}, got {actual:?}"
    )))
}

/// Checks for a part of a text, since hosts add to messages, such as the name of the policy.
fn contains(field: &str, actual: &str, expected: &str) -> Result<(), Error> {
    if actual.contains(expected) {
        return Ok(());
    }
    Err(Error::new(format_args!(
        "{field}: expected {expected:?}, got {actual:?}"
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
