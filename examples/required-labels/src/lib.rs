//! Rejects objects, and workloads by their pod templates, that miss labels or have labels of the wrong form.
//!
//! ```yaml
//! settings:
//!   labels:
//!     team: "[a-z][a-z0-9-]*"  # a regular expression for the whole value
//!     environment: dev|test|prod
//!   templates: true  # also look at pod templates; the default is false
//! ```
#![allow(
    clippy::indexing_slicing,
    reason = "a missing field of a JSON value is null"
)]

use std::collections::BTreeMap;

use k8s_wasm_sdk::{AdmissionRequest, Error, Rejection, Validation, Validator, Value};
use regex_lite::Regex;
use serde::Deserialize;

/// The labels that objects must have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequiredLabels {
    labels: BTreeMap<String, Pattern>,
    #[serde(default)]
    templates: bool,
}

/// What the whole value of a label must look like.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Pattern {
    text: String,
    regex: Regex,
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let regex = Regex::new(&format!("^(?:{text})$"))
            .map_err(|error| format!("`{text}` is no regular expression: {error}"))?;
        Ok(Self { text, regex })
    }
}

/// Where workloads keep their pod template: most of them, and CronJobs.
const TEMPLATES: [&str; 2] = ["/spec/template", "/spec/jobTemplate/spec/template"];

impl Validator for RequiredLabels {
    fn validate(&self, request: &AdmissionRequest<'_>) -> Result<Validation, Error> {
        let Some(object) = request.object::<Value>()? else {
            return Ok(Validation::accept());
        };
        let mut faults = self.faults(&object, "");
        if self.templates {
            let found = TEMPLATES.iter().filter_map(|path| object.pointer(path));
            // Other kinds may have a field of this name that is something else.
            for template in found.filter(|found| !found["spec"]["containers"].is_null()) {
                faults.extend(self.faults(template, " of the pod template"));
            }
        }
        if faults.is_empty() {
            return Ok(Validation::accept());
        }
        let rejection = Rejection::new(faults.join("; "));
        Ok(Validation::reject(rejection.code(422).reason("Invalid")))
    }
}

impl RequiredLabels {
    /// What is wrong with the labels of an object or of its template.
    fn faults(&self, object: &Value, place: &str) -> Vec<String> {
        let label = |key| object["metadata"]["labels"][key].as_str();
        let faults = self.labels.iter().filter_map(|(key, pattern)| {
            let fault = match label(key) {
                None => "is missing".to_owned(),
                Some(value) if !pattern.regex.is_match(value) => format!("is `{value}`"),
                Some(_) => return None,
            };
            Some(format!(
                "label `{key}`{place} {fault} (must match `{}`)",
                pattern.text
            ))
        });
        faults.collect()
    }
}

k8s_wasm_sdk::export!(validate: RequiredLabels);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_whole_value() {
        let pattern = Pattern::try_from("dev|prod".to_owned()).expect("a pattern");
        assert!(pattern.regex.is_match("prod"));
        assert!(!pattern.regex.is_match("production"));
        assert!(!pattern.regex.is_match("xdev"));
        assert!(!pattern.regex.is_match("dev\n"));
    }

    #[test]
    fn names_the_pattern_that_is_none() {
        let error = Pattern::try_from("(".to_owned()).err().expect("an error");
        assert!(error.starts_with("`(` is no regular expression"), "{error}");
    }
}
