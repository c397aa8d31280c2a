//! Rejects objects and pod templates whose labels are missing or do not match a pattern.
//!
//! ```yaml
//! settings:
//!   labels:
//!     team: "[a-z][a-z0-9-]*"  # a regular expression for the whole value
//!     environment: dev|test|prod
//!   templates: true  # check pod templates, too; the default is false
//! ```
#![allow(
    clippy::indexing_slicing,
    reason = "a missing field of a JSON value is null"
)]

use std::collections::BTreeMap;

use k8s_wasm_sdk::{AdmissionRequest, Error, Rejection, Validation, Validator, Value};
use regex_lite::Regex;
use serde::Deserialize;

/// A validator of labels. The settings define the required labels.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequiredLabels {
    labels: BTreeMap<String, Pattern>,
    #[serde(default)]
    templates: bool,
}

/// A regular expression for the whole value of a label.
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
            .map_err(|error| format!("`{text}` is not a valid regular expression: {error}"))?;
        Ok(Self { text, regex })
    }
}

/// The paths of pod templates: in most workloads, and in CronJobs.
const TEMPLATES: [&str; 2] = ["/spec/template", "/spec/jobTemplate/spec/template"];

impl Validator for RequiredLabels {
    fn validate(&self, request: &AdmissionRequest<'_>) -> Result<Validation, Error> {
        let Some(object) = request.object::<Value>()? else {
            return Ok(Validation::accept());
        };
        let mut problems = self.problems(&object, "");
        if self.templates {
            let found = TEMPLATES.iter().filter_map(|path| object.pointer(path));
            // Other kinds may have a field of the same name with another meaning.
            for template in found.filter(|found| !found["spec"]["containers"].is_null()) {
                problems.extend(self.problems(template, " of the pod template"));
            }
        }
        if problems.is_empty() {
            return Ok(Validation::accept());
        }
        let rejection = Rejection::new(problems.join("; "));
        Ok(Validation::reject(rejection.code(422).reason("Invalid")))
    }
}

impl RequiredLabels {
    /// Describes the missing and invalid labels of an object or of its pod template.
    fn problems(&self, object: &Value, place: &str) -> Vec<String> {
        let label = |key| object["metadata"]["labels"][key].as_str();
        let problems = self.labels.iter().filter_map(|(key, pattern)| {
            let problem = match label(key) {
                None => "is missing".to_owned(),
                Some(value) if !pattern.regex.is_match(value) => format!("is `{value}`"),
                Some(_) => return None,
            };
            Some(format!(
                "label `{key}`{place} {problem} (must match `{}`)",
                pattern.text
            ))
        });
        problems.collect()
    }
}

k8s_wasm_sdk::export!(validate: RequiredLabels);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_whole_value() {
        let pattern = Pattern::try_from("dev|prod".to_owned()).unwrap();
        assert!(pattern.regex.is_match("prod"));
        assert!(!pattern.regex.is_match("production"));
        assert!(!pattern.regex.is_match("xdev"));
        assert!(!pattern.regex.is_match("dev\n"));
    }

    #[test]
    fn rejects_invalid_patterns() {
        let error = Pattern::try_from("(".to_owned()).err().unwrap();
        assert!(
            error.starts_with("`(` is not a valid regular expression"),
            "{error}"
        );
    }
}
