//! What every policy of a chain did: the only source for whatever explains a decision.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::failure::{self, Consequence, Failure, OnFailure};
use crate::mode::Mode;
use crate::name::PolicyName;
use crate::text;

/// In characters: an audit event is no place for more.
const MAX_SUMMARY: usize = 1024;

/// A step for every policy of the chain, in the order of the chain, asked or not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// The steps.
    pub steps: Vec<Step>,
}

impl Trace {
    /// What every policy said, in few words and without its own: `a: accepted; b: not asked, none of its rules matches`.
    #[must_use]
    pub fn summary(&self) -> String {
        let told: Vec<String> = self.steps.iter().map(Step::summary).collect();
        text::line(&told.join("; "), MAX_SUMMARY)
    }

    /// The calls that failed, those of watched policies included, in the order of the chain.
    pub fn failures(&self) -> impl Iterator<Item = (&PolicyName, &Failure)> {
        self.steps
            .iter()
            .filter_map(|step| step.failure().map(|(failure, _)| (&step.policy, failure)))
    }
}

/// What one policy did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The policy.
    pub policy: PolicyName,
    /// Whether it was asked, and what it answered.
    #[serde(flatten)]
    pub outcome: StepOutcome,
    /// What was left out of its answer because Kubernetes would not take it, for the author of the module.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Step {
    fn summary(&self) -> String {
        let policy = &self.policy;
        match &self.outcome {
            StepOutcome::Skipped(reason) => format!("{policy}: not asked, {}", reason.describe()),
            StepOutcome::Evaluated { answer, .. } => format!("{policy}: {}", answer.as_str()),
            StepOutcome::Monitored { answer, .. } => {
                format!("{policy}: would be {}, mode monitor", answer.as_str())
            }
        }
    }

    /// What it answered, whether that counts or not; none when it was not asked.
    #[must_use]
    pub fn answer(&self) -> Option<&StepVerdict> {
        match &self.outcome {
            StepOutcome::Skipped(_) => None,
            StepOutcome::Evaluated { answer, .. } | StepOutcome::Monitored { answer, .. } => {
                Some(answer)
            }
        }
    }

    /// When the call was; none when it was not asked.
    #[must_use]
    pub fn timing(&self) -> Option<Timing> {
        match &self.outcome {
            StepOutcome::Skipped(_) => None,
            StepOutcome::Evaluated { timing, .. } | StepOutcome::Monitored { timing, .. } => {
                Some(*timing)
            }
        }
    }

    /// The same, to take something out of it.
    pub fn answer_mut(&mut self) -> Option<&mut StepVerdict> {
        match &mut self.outcome {
            StepOutcome::Skipped(_) => None,
            StepOutcome::Evaluated { answer, .. } | StepOutcome::Monitored { answer, .. } => {
                Some(answer)
            }
        }
    }

    /// How long the call took, waiting for its turn included; none when it was not asked.
    #[must_use]
    pub fn elapsed(&self) -> Option<Duration> {
        self.timing().map(|timing| timing.elapsed)
    }

    /// What it would have done if its mode were not monitor: an answer that decides or changes something. A failure is told
    /// by [`Self::failure`].
    #[must_use]
    pub fn would_have(&self) -> Option<&StepVerdict> {
        match &self.outcome {
            StepOutcome::Monitored { answer, .. } if answer.does_something() => Some(answer),
            _ => None,
        }
    }

    /// The failure of the call and what it made of the chain, when it failed.
    #[must_use]
    pub fn failure(&self) -> Option<(&Failure, Consequence)> {
        match self.answer()? {
            StepVerdict::Failed {
                failure,
                consequence,
            } => Some((failure, *consequence)),
            _ => None,
        }
    }
}

/// When a call was. Calls of one chain can overlap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// From the beginning of the chain to that of the call. Decision logs of before it was told have none.
    #[serde(
        default,
        rename = "afterMicros",
        serialize_with = "as_micros",
        deserialize_with = "of_micros"
    )]
    pub after: Duration,
    /// How long the call took, waiting for its turn included.
    #[serde(
        rename = "elapsedMicros",
        serialize_with = "as_micros",
        deserialize_with = "of_micros"
    )]
    pub elapsed: Duration,
}

/// Whether a policy was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StepOutcome {
    /// It was not.
    Skipped(SkipReason),
    /// It was.
    #[serde(rename_all = "camelCase")]
    Evaluated {
        /// When.
        #[serde(flatten)]
        timing: Timing,
        /// What it answered, after all checks.
        answer: StepVerdict,
    },
    /// It was, but its mode is monitor: the answer is the one that would have counted, and nothing came of it.
    #[serde(rename_all = "camelCase")]
    Monitored {
        /// When.
        #[serde(flatten)]
        timing: Timing,
        /// What it answered, after all checks.
        answer: StepVerdict,
    },
}

/// Why a policy was not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SkipReason {
    /// A policy before it decided.
    AlreadyDecided,
    /// A policy before it failed, which ended the chain.
    EarlierFailure,
    /// None of its rules matches the request.
    NoRuleMatches,
    /// The review contradicts itself, so that no policy was asked.
    MalformedReview,
}

impl SkipReason {
    /// The reason in words.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::AlreadyDecided => "a policy before it decided",
            Self::EarlierFailure => "a policy before it failed",
            Self::NoRuleMatches => "none of its rules matches",
            Self::MalformedReview => "the review contradicts itself",
        }
    }
}

/// What a policy answered, as the chain understood it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StepVerdict {
    /// authn: the token is this user's.
    Authenticated {
        /// The user's name.
        username: String,
    },
    /// authn: the policy does not know the token.
    UnknownToken,
    /// authn: the policy knows the token, but it is for other audiences than asked for.
    AudienceMismatch,
    /// authz: yes.
    Allowed {
        /// The policy's words.
        reason: String,
    },
    /// authz: no, whatever others say.
    Denied {
        /// The policy's words.
        reason: String,
    },
    /// authz: neither.
    NoOpinion {
        /// The policy's words.
        reason: String,
    },
    /// admission: fine.
    Accepted {
        /// Whether the policy changed the object.
        mutated: bool,
    },
    /// admission: not so.
    Rejected {
        /// The policy's words.
        message: String,
        /// The HTTP status code for the client.
        code: u16,
    },
    /// The call failed, or its answer broke a rule.
    Failed {
        /// What happened.
        failure: Failure,
        /// What that made of the chain.
        consequence: Consequence,
    },
}

impl StepVerdict {
    /// The answer in one word in kebab case, for labels and logs.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Authenticated { .. } => "authenticated",
            Self::UnknownToken => "not-mine",
            Self::AudienceMismatch => "other-audience",
            Self::Allowed { .. } => "allowed",
            Self::Denied { .. } => "denied",
            Self::NoOpinion { .. } => "no-opinion",
            Self::Accepted { mutated: false } => "accepted",
            Self::Accepted { mutated: true } => "patched",
            Self::Rejected { .. } => "rejected",
            Self::Failed { .. } => "failed",
        }
    }

    /// A failed call, with its consequence by the configuration.
    pub(crate) fn failed(failure: Failure, mode: Mode, on_failure: OnFailure) -> Self {
        Self::Failed {
            failure,
            consequence: failure::consequence(mode, on_failure),
        }
    }

    /// Whether it decides or changes something by itself.
    fn does_something(&self) -> bool {
        match self {
            Self::Authenticated { .. }
            | Self::Allowed { .. }
            | Self::Denied { .. }
            | Self::Accepted { mutated: true }
            | Self::Rejected { .. } => true,
            Self::UnknownToken
            | Self::AudienceMismatch
            | Self::NoOpinion { .. }
            | Self::Accepted { mutated: false }
            | Self::Failed { .. } => false,
        }
    }
}

/// The trace while the chain is being asked.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    steps: Vec<Step>,
}

impl Recorder {
    pub(crate) fn asked(
        &mut self,
        (policy, mode): (&PolicyName, Mode),
        timing: Timing,
        answer: StepVerdict,
        notes: Vec<String>,
    ) {
        let outcome = match mode {
            Mode::Protect => StepOutcome::Evaluated { timing, answer },
            Mode::Monitor => StepOutcome::Monitored { timing, answer },
        };
        self.push(policy, outcome, notes);
    }

    pub(crate) fn skipped(&mut self, policy: &PolicyName, reason: SkipReason) {
        self.push(policy, StepOutcome::Skipped(reason), Vec::new());
    }

    fn push(&mut self, policy: &PolicyName, outcome: StepOutcome, notes: Vec<String>) {
        self.steps.push(Step {
            policy: policy.clone(),
            outcome,
            notes,
        });
    }

    /// The finished trace; the policies that the chain did not come to were skipped for `rest`.
    pub(crate) fn finish<'a>(
        mut self,
        chain: impl Iterator<Item = &'a PolicyName>,
        rest: SkipReason,
    ) -> Trace {
        for policy in chain.skip(self.steps.len()) {
            self.skipped(policy, rest);
        }
        Trace { steps: self.steps }
    }
}

fn as_micros<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}

fn of_micros<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_micros)
}
