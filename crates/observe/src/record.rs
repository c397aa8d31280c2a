//! The record of a decision, without secrets: an element of `/decisions` and a line of the decision
//! log.

use std::time::Duration;

use access::trace::{Step, StepVerdict};
use access::{NoDecision, admission, text};
use host::{Decision, Subject, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::decision::{DecisionEvent, Origin};

/// Maximum length of a text, in characters. Longer texts are for the client, not for the log.
const MAX_TEXT: usize = 1024;

/// Maximum length of a `uid`, in characters. A UUID has 36.
const MAX_UID: usize = 64;

/// Length of a patch digest, in bytes of the SHA-256.
const PATCH_DIGEST_BYTES: usize = 8;

/// The replacement for a text of a policy that may quote a secret.
const WITHHELD: &str = "<withheld: it may quote a secret>";

/// A decision in full, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The sequence number of the decision; the first decision of a process has 1.
    pub sequence: u64,
    /// The time of the decision; RFC 3339 with microseconds.
    #[serde(serialize_with = "serialize_time")]
    pub time: Timestamp,
    /// The plane, or `raw`.
    pub plane: Origin,
    /// The policy that the request named; none if the whole chain was evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The `uid` of the request; only admission has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The user, the verb and the object of the request.
    pub subject: Subject,
    /// The decision in one word.
    pub verdict: Verdict,
    /// The reason or message of the decision, at most 1,024 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The first 8 bytes of the SHA-256 of the patch, in hexadecimal: equal patches have equal
    /// digests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch_digest: Option<String>,
    /// The HTTP status code of the response, if the front end uses HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The time from the arrival of the review to the response, in microseconds.
    pub duration_micros: u64,
    /// The generation of the policy set that decided.
    pub generation: u64,
    /// One step for each policy of the chain, in the order of the chain.
    pub steps: Vec<Step>,
}

impl Record {
    /// Creates the record of a decision that was made just now. Its sequence number and generation
    /// are 0.
    #[must_use]
    pub fn new(event: &DecisionEvent<'_>, elapsed: Duration) -> Self {
        let evaluation = event.evaluation;
        let redactor = Redactor {
            withholds_text: evaluation.subject.holds_secrets,
        };
        let steps = evaluation.trace.steps.iter();
        Self {
            sequence: 0,
            time: Timestamp::now(),
            plane: event.origin,
            policy: event.policy.map(str::to_owned),
            uid: evaluation
                .uid
                .as_deref()
                .map(|uid| text::line(uid, MAX_UID)),
            subject: evaluation.subject.clone(),
            verdict: evaluation.verdict(),
            message: redactor.text(evaluation.message()),
            patch_digest: patch_digest(&evaluation.decision),
            status: event.status,
            duration_micros: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            generation: 0,
            steps: steps.map(|step| redactor.step(step)).collect(),
        }
    }

    /// Returns true if no policy denied or rejected the request, or would have, and none failed.
    /// The decision log samples these decisions. A token that no policy knows counts as one of
    /// them: anyone can send any number of such tokens.
    #[must_use]
    pub fn is_unremarkable(&self) -> bool {
        let is_refused = matches!(
            self.verdict,
            Verdict::Denied | Verdict::Rejected | Verdict::Failed
        );
        !is_refused && !self.steps.iter().any(is_remarkable)
    }

    /// Returns the approximate memory that the record takes, in bytes.
    pub(crate) fn size(&self) -> usize {
        let Subject {
            user,
            verb,
            resource,
            namespace,
            name,
            ..
        } = &self.subject;
        let required = [user, verb, resource, namespace, name, &self.message];
        let optional = [&self.policy, &self.uid, &self.patch_digest];
        let texts = required.into_iter().chain(optional.into_iter().flatten());
        let texts = texts.map(String::len);
        let steps = self.steps.iter().map(step_size);
        texts
            .chain(steps)
            .fold(size_of::<Self>(), usize::saturating_add)
    }
}

fn is_remarkable(step: &Step) -> bool {
    let would_refuse = matches!(
        step.would_have(),
        Some(StepVerdict::Denied { .. } | StepVerdict::Rejected { .. })
    );
    would_refuse || step.failure().is_some()
}

fn step_size(step: &Step) -> usize {
    let text = match step.verdict() {
        Some(
            StepVerdict::Authenticated { username: text }
            | StepVerdict::Allowed { reason: text }
            | StepVerdict::Denied { reason: text }
            | StepVerdict::NoOpinion { reason: text }
            | StepVerdict::Rejected { message: text, .. },
        ) => text.len(),
        Some(StepVerdict::Failed { failure, .. }) => failure.message.len(),
        Some(
            StepVerdict::UnknownToken
            | StepVerdict::AudienceMismatch
            | StepVerdict::Accepted { .. },
        )
        | None => 0,
    };
    let notes = step.notes.iter().map(String::len);
    notes
        .chain([step.policy.as_str().len(), text])
        .fold(size_of::<Step>(), usize::saturating_add)
}

fn patch_digest(decision: &Result<Decision, NoDecision>) -> Option<String> {
    let Ok(Decision::Admission(answer)) = decision else {
        return None;
    };
    let admission::Decision::Accept { patch: Some(patch) } = &answer.decision else {
        return None;
    };
    let digest = Sha256::digest(patch.to_json());
    digest.get(..PATCH_DIGEST_BYTES).map(hex::encode)
}

fn serialize_time<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{time:.6}"))
}

/// Shortens or withholds the texts of policies.
#[derive(Debug, Clone, Copy)]
struct Redactor {
    /// True if texts may quote a secret.
    withholds_text: bool,
}

impl Redactor {
    /// Returns the text on one line and within [`MAX_TEXT`].
    fn text(self, text: &str) -> String {
        match text {
            "" => String::new(),
            _ if self.withholds_text => WITHHELD.to_owned(),
            _ => text::line(text, MAX_TEXT),
        }
    }

    /// Returns a step without the output of a failed module, which can contain anything.
    fn step(self, step: &Step) -> Step {
        let mut step = step.clone();
        for note in &mut step.notes {
            *note = self.text(note);
        }
        match step.verdict_mut() {
            Some(StepVerdict::Authenticated { username: text }) => {
                *text = text::line(text, MAX_TEXT)
            }
            Some(
                StepVerdict::Allowed { reason: text }
                | StepVerdict::Denied { reason: text }
                | StepVerdict::NoOpinion { reason: text }
                | StepVerdict::Rejected { message: text, .. },
            ) => *text = self.text(text),
            Some(StepVerdict::Failed { failure, .. }) => {
                failure.message = self.text(&failure.message);
                failure.detail = None;
            }
            Some(
                StepVerdict::UnknownToken
                | StepVerdict::AudienceMismatch
                | StepVerdict::Accepted { .. },
            )
            | None => {}
        }
        step
    }
}

#[cfg(test)]
mod tests {
    use access::trace::StepOutcome;
    use access::{Consequence, Failure, FailureKind, Timing};

    use super::*;
    use crate::testing::record;

    #[test]
    fn removes_the_output_of_failed_modules() {
        let failure = Failure::new(FailureKind::Trap, "it trapped").with_detail("hunter2".into());
        let step = Step {
            policy: "p".parse().unwrap(),
            outcome: StepOutcome::Evaluated {
                timing: Timing {
                    start: Duration::from_micros(2),
                    duration: Duration::from_micros(5),
                },
                verdict: StepVerdict::Failed {
                    failure,
                    consequence: Consequence::NoDecision,
                },
            },
            notes: vec!["x".repeat(5_000)],
        };
        let redactor = Redactor {
            withholds_text: false,
        };
        let json = serde_json::to_string(&redactor.step(&step)).unwrap();
        assert!(
            json.contains("it trapped") && !json.contains("hunter2"),
            "{json}"
        );
        assert!(json.len() < 2_000, "{} bytes", json.len());
        let read: Step = serde_json::from_str(&json).unwrap();
        assert_eq!(read.duration(), Some(Duration::from_micros(5)));
    }

    #[test]
    fn withholds_texts_about_secrets() {
        let step = Step {
            policy: "p".parse().unwrap(),
            outcome: StepOutcome::Evaluated {
                timing: Timing::default(),
                verdict: StepVerdict::Rejected {
                    message: "the password hunter2 is too weak".into(),
                    code: 403,
                },
            },
            notes: vec!["hunter2".into()],
        };
        let redactor = Redactor {
            withholds_text: true,
        };
        let json = serde_json::to_string(&redactor.step(&step)).unwrap();
        assert!(!json.contains("hunter2") && json.contains("403"), "{json}");
        assert_eq!(redactor.text(""), "");
    }

    #[test]
    fn writes_times_in_microseconds_and_planes_by_name() {
        let json = serde_json::to_value(record(Verdict::Allowed)).unwrap();
        assert_eq!(json["time"], "2026-01-01T00:00:00.000000Z");
        assert_eq!(json["plane"], "authentication");
    }

    #[test]
    fn size_includes_every_text() {
        let small = record(Verdict::Allowed);
        let large = Record {
            uid: Some("x".repeat(100)),
            message: "x".repeat(1_000),
            ..small.clone()
        };
        assert_eq!(large.size() - small.size(), 1_100);
    }
}
