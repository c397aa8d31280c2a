//! One decision, told in full but without secrets: what `explain` shows and the decision log keeps.

use std::time::{Duration, SystemTime};

use access::trace::{Step, StepAnswer, StepOutcome};
use access::{Undecided, admission};
use host::{Decision, Subject, Verdict};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::observer::Decided;

/// One decision. Its JSON is a line of the decision log and an element of `/decisions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Which decision of the process it was, from 1.
    pub sequence: u64,
    /// When it was made, RFC 3339.
    pub time: String,
    /// `authentication`, `authorization`, `mutation`, `validation` or `raw`.
    pub plane: String,
    /// The one policy that was asked, when it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The `uid` of the review; only admission has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// What it was about.
    pub subject: Subject,
    /// What was decided.
    pub verdict: Verdict,
    /// The words that go with it; of the client's, so cut where they are long.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What was changed, as the start of the SHA-256 of the patch: enough to see whether two changes are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// The HTTP status, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// From the arrival of the review to its answer.
    pub duration_micros: u64,
    /// Which set of policies decided: 1 at first, one more with each change.
    pub generation: u64,
    /// Every policy of the chain, asked or not.
    pub steps: Vec<Step>,
}

/// In characters. Longer texts are for the client, not to be kept by the thousand.
const MAX_TEXT: usize = 1024;

impl Record {
    /// A decision before it has a number and a generation; both are 0.
    #[must_use]
    pub fn of(decided: &Decided<'_>, elapsed: Duration) -> Self {
        let answered = decided.answered;
        Self {
            sequence: 0,
            time: humantime::format_rfc3339_micros(SystemTime::now()).to_string(),
            plane: decided.plane_name().to_owned(),
            policy: decided.policy.map(str::to_owned),
            uid: answered.uid.as_deref().map(cut),
            subject: answered.subject.clone(),
            verdict: answered.verdict(),
            message: cut(answered.message()),
            change: change(&answered.decision),
            status: decided.status,
            duration_micros: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            generation: 0,
            steps: answered.trace.steps.iter().map(told).collect(),
        }
    }

    /// None if it cannot be written, which does not happen: it is texts, numbers and lists.
    pub(crate) fn to_json(&self) -> Option<Box<str>> {
        serde_json::to_string(self).ok().map(String::into_boxed_str)
    }

    /// Whether nothing was refused and nothing went wrong: the many lines of which a sample is enough.
    #[must_use]
    pub fn is_unremarkable(&self) -> bool {
        let calm = matches!(
            self.verdict,
            Verdict::Authenticated
                | Verdict::Allowed
                | Verdict::NoOpinion
                | Verdict::Accepted
                | Verdict::Patched
        );
        calm && self
            .steps
            .iter()
            .all(|step| step.failure().is_none() && step.would_have().is_none())
    }
}

fn change(decision: &Result<Decision, Undecided>) -> Option<String> {
    let Ok(Decision::Admission(answer)) = decision else {
        return None;
    };
    let admission::Decision::Accept { patch: Some(patch) } = &answer.decision else {
        return None;
    };
    let digest = Sha256::digest(patch.to_json());
    let start = digest.iter().take(8);
    Some(start.map(|byte| format!("{byte:02x}")).collect())
}

/// A step without what the module itself wrote, which can be anything, and with texts of a bounded length.
fn told(step: &Step) -> Step {
    let mut step = step.clone();
    step.notes.iter_mut().for_each(shorten);
    if let StepOutcome::Asked { answer, .. } | StepOutcome::Watched { answer, .. } =
        &mut step.outcome
    {
        match answer {
            StepAnswer::Authenticated { username: text }
            | StepAnswer::Allowed { reason: text }
            | StepAnswer::Denied { reason: text }
            | StepAnswer::NoOpinion { reason: text }
            | StepAnswer::Rejected { message: text, .. } => shorten(text),
            StepAnswer::Failed { failure, .. } => {
                shorten(&mut failure.message);
                failure.detail = None;
            }
            StepAnswer::NotMine | StepAnswer::OtherAudience | StepAnswer::Accepted { .. } => {}
        }
    }
    step
}

fn shorten(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
        text.truncate(end);
        text.push('…');
    }
}

fn cut(text: &str) -> String {
    let mut text = text.to_owned();
    shorten(&mut text);
    text
}

#[cfg(test)]
mod tests {
    use access::{Consequence, Failure, FailureKind};

    use super::*;

    #[test]
    fn keeps_what_a_failed_module_wrote_to_itself() {
        let failure = Failure::new(FailureKind::Trap, "it trapped").with_detail("hunter2".into());
        let step = Step {
            policy: "p".parse().unwrap(),
            outcome: StepOutcome::Asked {
                elapsed: Duration::from_micros(5),
                answer: StepAnswer::Failed {
                    failure,
                    consequence: Consequence::Undecided,
                },
            },
            notes: vec!["x".repeat(5_000)],
        };
        let told = serde_json::to_string(&told(&step)).unwrap();
        assert!(
            told.contains("it trapped") && !told.contains("hunter2"),
            "{told}"
        );
        assert!(told.len() < 2_000, "{} bytes", told.len());
        let read: Step = serde_json::from_str(&told).unwrap();
        assert_eq!(read.elapsed(), Some(Duration::from_micros(5)));
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(cut(&"ä".repeat(MAX_TEXT)).chars().count(), MAX_TEXT);
        assert!(cut(&"ä".repeat(MAX_TEXT + 1)).ends_with("ä…"));
    }
}
