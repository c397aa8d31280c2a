//! Decision and trace as JSON.

use std::collections::BTreeMap;
use std::io::Write;

use access::{Trace, admission, authn};
use host::Decision;
use serde::Serialize;
use wire::RawValue;
use wire::meta::UserInfo;

use super::stages::Stage;
use crate::outcome::CommandError;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    decision: Summary<'a>,
    trace: &'a Trace,
    duration_micros: u128,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    plane: &'static str,
    verdict: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a UserInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_annotations: Option<&'a BTreeMap<String, String>>,
}

/// Writes the document of a single stage, or an object with the documents of all stages by plane.
pub(super) fn write(out: &mut dyn Write, stages: &[Stage]) -> Result<(), CommandError> {
    let documents = stages.iter().map(document).collect::<Result<Vec<_>, _>>()?;
    match documents.as_slice() {
        [one] => serde_json::to_writer_pretty(&mut *out, one)?,
        several => {
            let by_plane: BTreeMap<_, _> = several
                .iter()
                .map(|document| (document.decision.plane, document))
                .collect();
            serde_json::to_writer_pretty(&mut *out, &by_plane)?;
        }
    }
    writeln!(out)?;
    Ok(())
}

fn document(stage: &Stage) -> Result<Document<'_>, serde_json::Error> {
    Ok(Document {
        decision: summary(stage)?,
        trace: &stage.evaluation.trace,
        duration_micros: stage.elapsed.as_micros(),
    })
}

fn summary(stage: &Stage) -> Result<Summary<'_>, serde_json::Error> {
    let evaluation = &stage.evaluation;
    let mut summary = Summary {
        plane: stage.plane.as_str(),
        verdict: evaluation.verdict().as_str(),
        message: evaluation.message(),
        user: None,
        code: None,
        patch: None,
        warnings: &[],
        audit_annotations: None,
    };
    match &evaluation.decision {
        Ok(Decision::Authentication(authn::Decision::Authenticated(identity))) => {
            summary.user = Some(&identity.user)
        }
        Ok(Decision::Admission(answer)) => {
            summary.warnings = &answer.warnings;
            summary.audit_annotations =
                Some(&answer.audit_annotations).filter(|map| !map.is_empty());
            match &answer.decision {
                admission::Decision::Reject(rejection) => summary.code = Some(rejection.code),
                admission::Decision::Accept { patch: Some(patch) } => {
                    summary.patch = Some(serde_json::from_slice(&patch.to_json())?);
                }
                admission::Decision::Accept { patch: None } => {}
            }
        }
        Ok(Decision::Authentication(authn::Decision::Unknown) | Decision::Authorization(_))
        | Err(_) => {}
    }
    Ok(summary)
}
