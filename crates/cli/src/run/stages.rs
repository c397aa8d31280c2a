//! The planes that decide on a review, and their evaluation in the order of the API server.

use std::time::{Duration, Instant};

use access::{Plane, admission};
use anyhow::anyhow;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use host::{Decision, Evaluation, EvaluationRequest, Host, Verdict};
use wire::EntryPoint;
use wire::review::Kind;

use crate::outcome::{CommandError, ResultExt};
use crate::runtime;

/// Parses the name of an entry point.
pub(super) fn entry_points() -> impl TypedValueParser<Value = EntryPoint> {
    let names = EntryPoint::ALL.map(|entry_point| {
        PossibleValue::new(entry_point.as_str()).help(match entry_point {
            EntryPoint::Authn => "Authenticate a token",
            EntryPoint::Authz => "Authorize a request",
            EntryPoint::Validate => "Validate an object",
            EntryPoint::Mutate => "Mutate an object",
        })
    });
    PossibleValuesParser::new(names).try_map(|name| name.parse::<EntryPoint>())
}

/// The evaluation of a review on one plane.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) plane: Plane,
    /// The review that was evaluated.
    pub(super) review: Vec<u8>,
    pub(super) evaluation: Evaluation,
    pub(super) elapsed: Duration,
}

/// Returns the planes that have policies for a review, in order. The list is not empty.
pub(super) fn planes(
    host: &Host,
    kind: Kind,
    entry_point: Option<EntryPoint>,
    policy: Option<&str>,
) -> Result<Vec<Plane>, CommandError> {
    let planes_of_kind: &[Plane] = match kind {
        Kind::TokenReview => &[Plane::Authentication],
        Kind::SubjectAccessReview => &[Plane::Authorization],
        Kind::AdmissionReview => &[Plane::Mutation, Plane::Validation],
    };
    let requested = entry_point.map(Plane::from);
    if let Some(plane) = requested.filter(|plane| !planes_of_kind.contains(plane)) {
        let kind = kind.as_str();
        return Err(anyhow!("a `{kind}` is not a review for {plane}"))
            .with_hint("omit `--entry-point`; the kind of the review determines it");
    }
    let candidates: Vec<_> = host
        .policies()
        .filter(|candidate| planes_of_kind.contains(&candidate.plane))
        .filter(|candidate| requested.is_none_or(|plane| plane == candidate.plane))
        .collect();
    let has_policy = |plane: &Plane| {
        candidates.iter().any(|candidate| {
            candidate.plane == *plane && policy.is_none_or(|name| name == candidate.name.as_str())
        })
    };
    let planes: Vec<Plane> = planes_of_kind.iter().copied().filter(has_policy).collect();
    if !planes.is_empty() {
        return Ok(planes);
    }
    let kind = kind.as_str();
    let names: Vec<_> = candidates
        .iter()
        .map(|candidate| format!("`{}`", candidate.name))
        .collect();
    match policy {
        Some(policy) if !names.is_empty() => {
            Err(anyhow!("no policy `{policy}` for reviews of kind `{kind}`"))
                .with_hint(format!("available policies: {}", names.join(", ")))
        }
        _ => Err(anyhow!("no policies for reviews of kind `{kind}`").into()),
    }
}

/// Evaluates a review on each plane in order, and stops at the first that refuses it. Validation
/// sees the object as mutated.
pub(super) async fn evaluate(
    host: &Host,
    planes: &[Plane],
    policy: Option<&str>,
    mut review: Vec<u8>,
    timeout: Duration,
) -> Result<Vec<Stage>, CommandError> {
    let mut stages = Vec::new();
    for plane in planes.iter().copied() {
        let start = Instant::now();
        let deadline = runtime::deadline(timeout);
        let evaluation = host
            .evaluate(EvaluationRequest {
                plane,
                policy,
                review: &review,
                already_evaluated: &[],
                deadline,
            })
            .await?;
        let elapsed = start.elapsed();
        let mutated_review = apply_patch(&review, &evaluation)?;
        let is_accepted = matches!(evaluation.verdict(), Verdict::Accepted | Verdict::Patched);
        stages.push(Stage {
            plane,
            review,
            evaluation,
            elapsed,
        });
        if !is_accepted {
            break;
        }
        review = mutated_review;
    }
    Ok(stages)
}

/// Returns the review with the mutated object.
fn apply_patch(review: &[u8], evaluation: &Evaluation) -> Result<Vec<u8>, CommandError> {
    match &evaluation.decision {
        Ok(Decision::Admission(admission::Response {
            decision: admission::Decision::Accept { patch: Some(patch) },
            ..
        })) => Ok(wire::admission::Review::parse(review)?.for_module_with(&patch.object())?),
        _ => Ok(review.to_vec()),
    }
}
