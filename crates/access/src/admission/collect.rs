//! The collector of the responses of a chain, and the outcome that results from them.

use std::collections::BTreeMap;

use super::notices::{self, Notices};
use super::response::{self, Mutation, PolicyDecision, PolicyResponse};
use super::{Decision, Outcome, Policy, Rejection, Response, Verdict};
use crate::evaluate::Evaluated;
use crate::failure::{Consequence, FailedCall, Failure, NoDecision};
use crate::patch::Patch;
use crate::policy::{Mode, PolicyName};
use crate::trace::{Recorder, SkipReason};

/// A collector of responses in the order of the chain.
#[derive(Debug, Default)]
pub(super) struct Collector {
    recorder: Recorder,
    rejections: Vec<(PolicyName, Rejection)>,
    notices: Notices,
    /// The notices of monitored policies. Added last, so that they take neither space nor names
    /// from the other policies.
    monitored: Vec<MonitoredNotices>,
}

/// The warnings and audit annotations of a monitored policy.
#[derive(Debug)]
struct MonitoredNotices {
    policy: PolicyName,
    warnings: Vec<String>,
    audit_annotations: BTreeMap<String, String>,
}

/// The effect of one response on a chain that evaluates its policies one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Continue,
    Rejected,
    NoDecision,
}

impl Collector {
    /// Creates a collector for a chain of this length.
    pub(super) fn with_capacity(policies: usize) -> Self {
        Self {
            recorder: Recorder::with_capacity(policies),
            ..Self::default()
        }
    }

    pub(super) fn skip(&mut self, policy: &Policy, reason: SkipReason) {
        self.recorder.skip(&policy.name, reason);
    }

    /// Adds the result of a call for the request with this `uid`. `apply` changes the object, or a
    /// copy of it for a monitored policy, and returns whether it differs.
    pub(super) fn add(
        &mut self,
        policy: &Policy,
        uid: &str,
        evaluated: Evaluated<wire::admission::Response>,
        apply: impl FnOnce(&Mutation) -> Result<bool, Failure>,
    ) -> Next {
        let checked = evaluated.response.and_then(|response| {
            let response = response::check(response, uid)?;
            let mutated = match &response.decision {
                PolicyDecision::Mutate(mutation) => apply(mutation)?,
                PolicyDecision::Accept | PolicyDecision::Reject(_) => false,
            };
            Ok((response, mutated))
        });
        let (next, result, notes) = match checked {
            Ok((response, mutated)) => {
                let (next, verdict, notes) = self.add_response(policy, response, mutated);
                (next, Ok(verdict), notes)
            }
            Err(failure) => {
                let (next, call) = self.add_failure(policy, failure);
                (next, Err(call), Vec::new())
            }
        };
        let step = (&policy.name, policy.mode);
        self.recorder.record(step, evaluated.timing, result, notes);
        next
    }

    fn add_response(
        &mut self,
        policy: &Policy,
        response: PolicyResponse,
        mutated: bool,
    ) -> (Next, Verdict, Vec<String>) {
        let notes = self.add_notices(policy, response.warnings, response.audit_annotations);
        let PolicyDecision::Reject(rejection) = response.decision else {
            return (Next::Continue, Verdict::Accepted { mutated }, notes);
        };
        let verdict = Verdict::Rejected {
            message: rejection.message.clone(),
            code: rejection.code,
        };
        let next = match policy.mode {
            Mode::Monitor => Next::Continue,
            Mode::Protect => {
                self.rejections.push((policy.name.clone(), rejection));
                Next::Rejected
            }
        };
        (next, verdict, notes)
    }

    /// Adds warnings and annotations, those of a monitored policy last. Returns notes on dropped
    /// ones.
    fn add_notices(
        &mut self,
        policy: &Policy,
        warnings: Vec<String>,
        audit_annotations: BTreeMap<String, String>,
    ) -> Vec<String> {
        match policy.mode {
            Mode::Protect => self.notices.add(&policy.name, warnings, audit_annotations),
            Mode::Monitor => {
                self.monitored.push(MonitoredNotices {
                    policy: policy.name.clone(),
                    warnings,
                    audit_annotations,
                });
                Vec::new()
            }
        }
    }

    fn add_failure(&mut self, policy: &Policy, failure: Failure) -> (Next, FailedCall) {
        let call = FailedCall::new(failure, policy.mode, policy.on_failure);
        let next = match call.consequence {
            Consequence::Ignored => {
                match policy.mode {
                    Mode::Protect => self.notices.add_ignored_failure(&policy.name),
                    Mode::Monitor => {
                        let warning = notices::ignored_failure(&policy.name);
                        self.add_notices(policy, vec![warning], BTreeMap::new());
                    }
                }
                Next::Continue
            }
            Consequence::NoDecision | Consequence::Denied => Next::NoDecision,
        };
        (next, call)
    }

    /// Returns the outcome of the chain. Policies that were not reached are skipped for the reason
    /// `rest`; `patch` creates the patch if no policy rejected.
    pub(super) fn finish<'a>(
        mut self,
        chain: impl Iterator<Item = &'a PolicyName>,
        rest: SkipReason,
        patch: impl FnOnce() -> Result<Option<Patch>, NoDecision>,
    ) -> Outcome {
        let mut trace = self.recorder.finish(chain, rest);
        for monitored in self.monitored {
            let MonitoredNotices {
                policy,
                warnings,
                audit_annotations,
            } = monitored;
            let notes = self.notices.add(&policy, warnings, audit_annotations);
            let mut steps = trace.steps.iter_mut();
            if let Some(step) = steps.find(|step| step.policy == policy) {
                step.notes.extend(notes);
            }
        }
        let decision = match Rejection::combine(self.rejections) {
            Some(rejection) => Ok(Decision::Reject(rejection)),
            None => trace
                .settle(())
                .and_then(|()| patch())
                .map(|patch| Decision::Accept { patch }),
        };
        let response = decision.map(|decision| {
            let (warnings, audit_annotations) = self.notices.into_parts();
            Response {
                decision,
                warnings,
                audit_annotations,
            }
        });
        Outcome { response, trace }
    }
}
