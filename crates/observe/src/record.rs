//! One decision, told in full but without secrets: what `explain` shows and the decision log keeps.

use std::time::{Duration, SystemTime};

use access::trace::{Step, StepVerdict};
use access::{NoDecision, admission, text};
use host::{Decision, Subject, Verdict};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::observer::DecisionEvent;

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
/// Likewise; a UUID has 36.
const MAX_UID: usize = 64;

impl Record {
    /// A decision before it has a number and a generation; both are 0.
    #[must_use]
    pub fn of(decided: &DecisionEvent<'_>, elapsed: Duration) -> Self {
        let answered = decided.answered;
        let words = Words {
            are_kept: !answered.subject.holds_secrets,
        };
        Self {
            sequence: 0,
            time: humantime::format_rfc3339_micros(SystemTime::now()).to_string(),
            plane: decided.plane_name().to_owned(),
            policy: decided.policy.map(str::to_owned),
            uid: answered.uid.as_deref().map(|uid| text::line(uid, MAX_UID)),
            subject: answered.subject.clone(),
            verdict: answered.verdict(),
            message: words.told(answered.message()),
            change: change(&answered.decision),
            status: decided.status,
            duration_micros: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            generation: 0,
            steps: answered
                .trace
                .steps
                .iter()
                .map(|step| words.step(step))
                .collect(),
        }
    }

    /// None if it cannot be written, which does not happen: it is texts, numbers and lists.
    pub(crate) fn to_json(&self) -> Option<Box<str>> {
        serde_json::to_string(self).ok().map(String::into_boxed_str)
    }

    /// Whether no policy refused anything and nothing went wrong: the many lines of which a sample is enough. A token that
    /// nobody knows is refused by no policy, and anybody can send any number of them.
    #[must_use]
    pub fn is_unremarkable(&self) -> bool {
        let calm = !matches!(
            self.verdict,
            Verdict::Denied | Verdict::Rejected | Verdict::Failed
        );
        calm && !self.steps.iter().any(is_remarkable)
    }
}

fn is_remarkable(step: &Step) -> bool {
    let would_refuse = matches!(
        step.would_have(),
        Some(StepVerdict::Denied { .. } | StepVerdict::Rejected { .. })
    );
    would_refuse || step.failure().is_some()
}

fn change(decision: &Result<Decision, NoDecision>) -> Option<String> {
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

/// What is kept of the words of policies.
#[derive(Debug, Clone, Copy)]
struct Words {
    /// Not where they may quote a secret.
    are_kept: bool,
}

/// What stands in the place of words that are not kept.
const WITHHELD: &str = "<not kept: it may quote a secret>";

impl Words {
    /// The words on one line and of a bounded length.
    fn told(self, words: &str) -> String {
        match words {
            "" => String::new(),
            _ if !self.are_kept => WITHHELD.to_owned(),
            _ => text::line(words, MAX_TEXT),
        }
    }

    /// A step without what the module itself wrote, which can be anything.
    fn step(self, step: &Step) -> Step {
        let mut step = step.clone();
        for note in &mut step.notes {
            *note = self.told(note);
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
            ) => *text = self.told(text),
            Some(StepVerdict::Failed { failure, .. }) => {
                failure.message = self.told(&failure.message);
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

    #[test]
    fn keeps_what_a_failed_module_wrote_to_itself() {
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
        let words = Words { are_kept: true };
        let told = serde_json::to_string(&words.step(&step)).unwrap();
        assert!(
            told.contains("it trapped") && !told.contains("hunter2"),
            "{told}"
        );
        assert!(told.len() < 2_000, "{} bytes", told.len());
        let read: Step = serde_json::from_str(&told).unwrap();
        assert_eq!(read.duration(), Some(Duration::from_micros(5)));
    }

    #[test]
    fn words_about_a_secret_are_not_kept() {
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
        let words = Words { are_kept: false };
        let told = serde_json::to_string(&words.step(&step)).unwrap();
        assert!(!told.contains("hunter2") && told.contains("403"), "{told}");
        assert_eq!(words.told(""), "");
    }
}
