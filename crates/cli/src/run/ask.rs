//! Which planes a review is for, and asking them one after the other as the API server does.

use std::time::{Duration, Instant};

use access::{Plane, admission};
use anyhow::anyhow;
use host::{Decision, Evaluation, EvaluationRequest, Host, Verdict};
use wire::review::Kind;

use super::EntryPoint;
use crate::report::{Failed, OrFailed};

/// One question and its answer.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) plane: Plane,
    /// The review that was asked.
    pub(super) review: Vec<u8>,
    pub(super) answered: Evaluation,
    pub(super) elapsed: Duration,
}

/// The planes to ask, in order. Never empty.
pub(super) fn planes(
    host: &Host,
    kind: Kind,
    entry_point: Option<EntryPoint>,
    policy: Option<&str>,
) -> Result<Vec<Plane>, Failed> {
    let of_kind: &[Plane] = match kind {
        Kind::TokenReview => &[Plane::Authentication],
        Kind::SubjectAccessReview => &[Plane::Authorization],
        Kind::AdmissionReview => &[Plane::Mutation, Plane::Validation],
    };
    let wanted = entry_point.map(EntryPoint::plane);
    if let Some(wanted) = wanted.filter(|wanted| !of_kind.contains(wanted)) {
        return Err(anyhow!(
            "the review is of kind `{}`, which is no question of {wanted}",
            kind.as_str()
        ))
        .hint("leave `--entry-point` out: the review tells");
    }
    let is_wanted =
        |plane: Plane| of_kind.contains(&plane) && wanted.is_none_or(|wanted| wanted == plane);
    let known: Vec<_> = host
        .policies()
        .filter(|known| is_wanted(known.plane))
        .collect();
    let asked = |plane: Plane| {
        let named = |name: &access::PolicyName| policy.is_none_or(|policy| policy == name.as_str());
        known
            .iter()
            .any(|known| known.plane == plane && named(&known.name))
    };
    let planes: Vec<Plane> = of_kind
        .iter()
        .copied()
        .filter(|plane| asked(*plane))
        .collect();
    if planes.is_empty() {
        let names: Vec<_> = known
            .iter()
            .map(|known| format!("`{}`", known.name))
            .collect();
        return match (policy, names.is_empty()) {
            (Some(policy), false) => Err(anyhow!(
                "no policy `{policy}` is asked about reviews of kind `{}`",
                kind.as_str()
            ))
            .hint(format!("there is {}", names.join(", "))),
            _ => Err(anyhow!(
                "the configuration has no policy that is asked about reviews of kind `{}`",
                kind.as_str()
            )
            .into()),
        };
    }
    Ok(planes)
}

/// Asks the planes in order; what a mutation changed is what the validation sees. Ends with the first that says no.
pub(super) async fn in_order(
    host: &Host,
    planes: &[Plane],
    policy: Option<&str>,
    mut review: Vec<u8>,
    timeout: Duration,
) -> Result<Vec<Stage>, Failed> {
    let mut stages = Vec::new();
    for plane in planes.iter().copied() {
        let start = Instant::now();
        let deadline = start + timeout;
        let answered = host
            .evaluate(EvaluationRequest {
                plane,
                policy,
                review: &review,
                already_evaluated: &[],
                deadline,
            })
            .await?;
        let elapsed = start.elapsed();
        let next = changed(&review, &answered)?;
        let passed = matches!(answered.verdict(), Verdict::Accepted | Verdict::Patched);
        stages.push(Stage {
            plane,
            review,
            answered,
            elapsed,
        });
        if !passed {
            break;
        }
        review = next;
    }
    Ok(stages)
}

/// The review with the object as it was changed.
fn changed(review: &[u8], answered: &Evaluation) -> Result<Vec<u8>, Failed> {
    match &answered.decision {
        Ok(Decision::Admission(admission::Answer {
            decision: admission::Decision::Accept { patch: Some(patch) },
            ..
        })) => Ok(wire::admission::Review::parse(review)?.for_module_with(&patch.object())?),
        _ => Ok(review.to_vec()),
    }
}
