//! The trace of a chain: the only source of everything that explains a decision.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::failure::{Consequence, FailedCall, Failure, NoDecision};
use crate::policy::{Mode, PolicyName};
use crate::text;

/// The maximum length of a summary in characters, to keep audit events small.
const MAX_SUMMARY: usize = 1024;

/// The steps of a chain: one for each policy, in configured order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// The steps.
    pub steps: Vec<Step>,
}

impl Trace {
    /// Formats the verdicts without the policies' own texts:
    /// `a: accepted; b: skipped, no rule matches`.
    #[must_use]
    pub fn summary(&self) -> String {
        let steps: Vec<String> = self.steps.iter().map(Step::summary).collect();
        text::line(&steps.join("; "), MAX_SUMMARY)
    }

    /// Returns the failed calls in the order of the chain, including those of monitored policies.
    pub fn failures(&self) -> impl Iterator<Item = (&PolicyName, &Failure)> {
        self.steps
            .iter()
            .filter_map(|step| step.failure().map(|(failure, _)| (&step.policy, failure)))
    }

    /// Returns the decision of a chain in which no policy decided: `default`, unless a policy
    /// failed that might have decided.
    pub(crate) fn settle<D>(&self, default: D) -> Result<D, NoDecision> {
        let failures = self.steps.iter().filter_map(|step| match step.failure()? {
            (failure, Consequence::NoDecision) => Some((&step.policy, failure)),
            (_, Consequence::Denied | Consequence::Ignored) => None,
        });
        NoDecision::from_failures(failures).map_or(Ok(default), Err)
    }
}

/// One policy of a chain and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The policy.
    pub policy: PolicyName,
    /// The result of the policy, or the reason why it was skipped.
    #[serde(flatten)]
    pub outcome: StepOutcome,
    /// Parts of the response that were dropped because Kubernetes does not accept them. For the
    /// author of the module.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Step {
    fn summary(&self) -> String {
        let policy = &self.policy;
        match &self.outcome {
            StepOutcome::Skipped(reason) => format!("{policy}: skipped, {}", reason.describe()),
            StepOutcome::Evaluated { verdict, .. } => format!("{policy}: {}", verdict.as_str()),
            StepOutcome::Monitored { verdict, .. } => {
                format!("{policy}: would be {}, mode monitor", verdict.as_str())
            }
        }
    }

    /// Returns the verdict in either mode; `None` if the policy was skipped.
    #[must_use]
    pub fn verdict(&self) -> Option<&StepVerdict> {
        match &self.outcome {
            StepOutcome::Skipped(_) => None,
            StepOutcome::Evaluated { verdict, .. } | StepOutcome::Monitored { verdict, .. } => {
                Some(verdict)
            }
        }
    }

    /// Returns the verdict as a mutable reference, for redaction.
    pub fn verdict_mut(&mut self) -> Option<&mut StepVerdict> {
        match &mut self.outcome {
            StepOutcome::Skipped(_) => None,
            StepOutcome::Evaluated { verdict, .. } | StepOutcome::Monitored { verdict, .. } => {
                Some(verdict)
            }
        }
    }

    /// Returns the time of the call; `None` if the policy was skipped.
    #[must_use]
    pub fn timing(&self) -> Option<Timing> {
        match &self.outcome {
            StepOutcome::Skipped(_) => None,
            StepOutcome::Evaluated { timing, .. } | StepOutcome::Monitored { timing, .. } => {
                Some(*timing)
            }
        }
    }

    /// Returns the duration of the call, including its time in the queue; `None` if the policy was
    /// skipped.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.timing().map(|timing| timing.duration)
    }

    /// Returns the verdict of a monitored policy if it would have decided or changed something. Failures
    /// are reported by [`Self::failure`].
    #[must_use]
    pub fn would_have(&self) -> Option<&StepVerdict> {
        match &self.outcome {
            StepOutcome::Monitored { verdict, .. } if verdict.has_effect() => Some(verdict),
            StepOutcome::Monitored { .. }
            | StepOutcome::Evaluated { .. }
            | StepOutcome::Skipped(_) => None,
        }
    }

    /// Returns the failure of the call and its consequence; `None` if the call did not fail.
    #[must_use]
    pub fn failure(&self) -> Option<(&Failure, Consequence)> {
        let StepVerdict::Failed {
            failure,
            consequence,
        } = self.verdict()?
        else {
            return None;
        };
        Some((failure, *consequence))
    }
}

/// The time of a call. Calls of one chain can overlap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// The time from the start of the chain to the start of the call.
    #[serde(
        default,
        rename = "startMicros",
        serialize_with = "as_micros",
        deserialize_with = "from_micros"
    )]
    pub start: Duration,
    /// The duration of the call, including its time in the queue.
    #[serde(
        rename = "durationMicros",
        serialize_with = "as_micros",
        deserialize_with = "from_micros"
    )]
    pub duration: Duration,
}

/// The outcome of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StepOutcome {
    /// The policy was not evaluated.
    Skipped(SkipReason),
    /// The policy was evaluated, and its verdict took effect.
    Evaluated {
        /// The time of the call.
        #[serde(flatten)]
        timing: Timing,
        /// The verdict after all checks.
        verdict: StepVerdict,
    },
    /// The policy was evaluated in mode `monitor`: the verdict had no effect.
    Monitored {
        /// The time of the call.
        #[serde(flatten)]
        timing: Timing,
        /// The verdict after all checks.
        verdict: StepVerdict,
    },
}

/// The reason why a policy was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SkipReason {
    /// An earlier policy decided.
    AlreadyDecided,
    /// An earlier policy failed, which ended the chain.
    EarlierFailure,
    /// None of the policy's rules matches the request.
    NoRuleMatches,
    /// The review contradicts itself; no policy was evaluated.
    MalformedReview,
    /// The policy was evaluated on the same request in another API version.
    AlreadyEvaluated,
}

impl SkipReason {
    /// Describes the reason in a few words.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::AlreadyDecided => "an earlier policy decided",
            Self::EarlierFailure => "an earlier policy failed",
            Self::NoRuleMatches => "no rule matches",
            Self::MalformedReview => "the review contradicts itself",
            Self::AlreadyEvaluated => "already evaluated in another API version",
        }
    }
}

/// The verdict of a policy on any plane, as it is recorded.
///
/// Chains work with the verdict type of their plane, which converts into this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepVerdict {
    /// Authentication: the token belongs to this user.
    Authenticated {
        /// The name of the user.
        username: String,
    },
    /// Authentication: the policy does not recognize the token.
    UnknownToken,
    /// Authentication: the token is valid, but for none of the requested audiences.
    AudienceMismatch,
    /// Authorization: the request is allowed.
    Allowed {
        /// The reason that the policy gave.
        reason: String,
    },
    /// Authorization: the request is denied, regardless of other authorizers.
    Denied {
        /// The reason that the policy gave.
        reason: String,
    },
    /// Authorization: neither allowed nor denied.
    NoOpinion {
        /// The reason that the policy gave.
        reason: String,
    },
    /// Admission: the object may be stored.
    Accepted {
        /// True if the policy changed the object.
        mutated: bool,
    },
    /// Admission: the object must not be stored.
    Rejected {
        /// The message of the policy.
        message: String,
        /// The HTTP status code for the client.
        code: u16,
    },
    /// The call failed, or its response broke a rule.
    Failed {
        /// The failure.
        failure: Failure,
        /// The effect of the failure on the chain.
        consequence: Consequence,
    },
}

impl StepVerdict {
    /// Returns the verdict in one word in kebab case, for labels and logs.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Authenticated { .. } => "authenticated",
            Self::UnknownToken => "unknown-token",
            Self::AudienceMismatch => "audience-mismatch",
            Self::Allowed { .. } => "allowed",
            Self::Denied { .. } => "denied",
            Self::NoOpinion { .. } => "no-opinion",
            Self::Accepted { mutated: false } => "accepted",
            Self::Accepted { mutated: true } => "patched",
            Self::Rejected { .. } => "rejected",
            Self::Failed { .. } => "failed",
        }
    }

    /// Returns whether the verdict decides or changes something by itself.
    fn has_effect(&self) -> bool {
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

impl From<FailedCall> for StepVerdict {
    fn from(call: FailedCall) -> Self {
        let FailedCall {
            failure,
            consequence,
        } = call;
        Self::Failed {
            failure,
            consequence,
        }
    }
}

/// A trace under construction.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    steps: Vec<Step>,
}

impl Recorder {
    /// Creates a recorder with space for the steps of a chain.
    pub(crate) fn with_capacity(policies: usize) -> Self {
        Self {
            steps: Vec::with_capacity(policies),
        }
    }

    /// Records the result of a call. This erases the plane from its type.
    pub(crate) fn record<V: Into<StepVerdict>>(
        &mut self,
        (policy, mode): (&PolicyName, Mode),
        timing: Timing,
        result: Result<V, FailedCall>,
        notes: Vec<String>,
    ) {
        let verdict = result.map_or_else(StepVerdict::from, V::into);
        let outcome = match mode {
            Mode::Protect => StepOutcome::Evaluated { timing, verdict },
            Mode::Monitor => StepOutcome::Monitored { timing, verdict },
        };
        self.push(policy, outcome, notes);
    }

    pub(crate) fn skip(&mut self, policy: &PolicyName, reason: SkipReason) {
        self.push(policy, StepOutcome::Skipped(reason), Vec::new());
    }

    fn push(&mut self, policy: &PolicyName, outcome: StepOutcome, notes: Vec<String>) {
        self.steps.push(Step {
            policy: policy.clone(),
            outcome,
            notes,
        });
    }

    /// Finishes the trace. Policies that the chain did not reach are skipped for the reason
    /// `rest`.
    pub(crate) fn finish<'a>(
        mut self,
        chain: impl Iterator<Item = &'a PolicyName>,
        rest: SkipReason,
    ) -> Trace {
        for policy in chain.skip(self.steps.len()) {
            self.skip(policy, rest);
        }
        Trace { steps: self.steps }
    }
}

fn as_micros<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}

fn from_micros<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_micros)
}
