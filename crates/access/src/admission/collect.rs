//! What the policies of a chain said so far, and the answer that comes of it.

use std::collections::BTreeMap;

use wire::admission::Response;

use super::notices::{self, Notices};
use super::response::{self, Change, Reply, Said};
use super::{Answer, Decision, Outcome, Policy, Rejection};
use crate::ask::Asked;
use crate::failure::{self, Consequence, Failure, NoDecision};
use crate::mode::Mode;
use crate::name::PolicyName;
use crate::patch::Patch;
use crate::trace::{Recorder, SkipReason, StepVerdict};

/// Gathers answers in the order of the chain.
#[derive(Debug, Default)]
pub(super) struct Collector {
    recorder: Recorder,
    rejections: Vec<(PolicyName, Rejection)>,
    notices: Notices,
    /// What policies say that are only watched: added at the end, so that it takes neither room nor names from the others.
    watched: Vec<Watched>,
}

/// The warnings and audit annotations of a policy that is only watched.
#[derive(Debug)]
struct Watched {
    policy: PolicyName,
    warnings: Vec<String>,
    audit_annotations: BTreeMap<String, String>,
}

/// What an answer means for a chain that asks one policy after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    GoOn,
    Rejected,
    NoDecision,
}

impl Collector {
    pub(super) fn skip(&mut self, policy: &Policy, reason: SkipReason) {
        self.recorder.skipped(&policy.name, reason);
    }

    /// Takes what came of a call about the request with this `uid`. `change` changes the object, or a copy of it when the policy
    /// is only watched, and tells whether it differs.
    pub(super) fn take(
        &mut self,
        policy: &Policy,
        uid: &str,
        asked: Asked<Response>,
        change: impl FnOnce(&Change) -> Result<bool, Failure>,
    ) -> Next {
        let reply = asked.answer.and_then(|response| {
            let reply = response::read(response, uid)?;
            let mutated = match &reply.said {
                Said::Changed(what) => change(what)?,
                Said::Accepted | Said::Rejected(_) => false,
            };
            Ok((reply, mutated))
        });
        let (next, answer, notes) = match reply {
            Ok((reply, mutated)) => self.answered(policy, reply, mutated),
            Err(failure) => self.failed(policy, failure),
        };
        let asked_policy = (&policy.name, policy.mode);
        self.recorder
            .asked(asked_policy, asked.timing, answer, notes);
        next
    }

    fn answered(
        &mut self,
        policy: &Policy,
        reply: Reply,
        mutated: bool,
    ) -> (Next, StepVerdict, Vec<String>) {
        let notes = self.notice(policy, reply.warnings, reply.audit_annotations);
        let Said::Rejected(rejection) = reply.said else {
            return (Next::GoOn, StepVerdict::Accepted { mutated }, notes);
        };
        let answer = StepVerdict::Rejected {
            message: rejection.message.clone(),
            code: rejection.code,
        };
        let next = match policy.mode {
            Mode::Monitor => Next::GoOn,
            Mode::Protect => {
                self.rejections.push((policy.name.clone(), rejection));
                Next::Rejected
            }
        };
        (next, answer, notes)
    }

    /// Takes warnings and annotations, those of a policy that is only watched later; returns notes on what was left out.
    fn notice(
        &mut self,
        policy: &Policy,
        warnings: Vec<String>,
        audit_annotations: BTreeMap<String, String>,
    ) -> Vec<String> {
        match policy.mode {
            Mode::Protect => self.notices.add(&policy.name, warnings, audit_annotations),
            Mode::Monitor => {
                self.watched.push(Watched {
                    policy: policy.name.clone(),
                    warnings,
                    audit_annotations,
                });
                Vec::new()
            }
        }
    }

    fn failed(&mut self, policy: &Policy, failure: Failure) -> (Next, StepVerdict, Vec<String>) {
        let on_failure = failure::OnFailure::Admission(policy.on_failure);
        let next = match failure::consequence(policy.mode, on_failure) {
            Consequence::Ignored => {
                match policy.mode {
                    Mode::Protect => self.notices.ignored(&policy.name),
                    Mode::Monitor => {
                        let warning = notices::failed_and_ignored(&policy.name);
                        self.notice(policy, vec![warning], BTreeMap::new());
                    }
                }
                Next::GoOn
            }
            Consequence::NoDecision | Consequence::Denied => Next::NoDecision,
        };
        let answer = StepVerdict::failed(failure, policy.mode, on_failure);
        (next, answer, Vec::new())
    }

    /// The answer. Policies that the chain did not come to were skipped for `rest`; `patch` is asked for when nobody
    /// rejected.
    pub(super) fn finish(
        mut self,
        chain: &[Policy],
        rest: SkipReason,
        patch: impl FnOnce() -> Result<Option<Patch>, NoDecision>,
    ) -> Outcome {
        let names = chain.iter().map(|policy| &policy.name);
        let mut trace = self.recorder.finish(names, rest);
        for watched in self.watched {
            let Watched {
                policy,
                warnings,
                audit_annotations,
            } = watched;
            let notes = self.notices.add(&policy, warnings, audit_annotations);
            let mut steps = trace.steps.iter_mut();
            if let Some(step) = steps.find(|step| step.policy == policy) {
                step.notes.extend(notes);
            }
        }
        let decision = match Rejection::of_all(self.rejections) {
            Some(rejection) => Ok(Decision::Reject(rejection)),
            None => failure::settle(&trace, ())
                .and_then(|()| patch())
                .map(|patch| Decision::Accept { patch }),
        };
        let answer = decision.map(|decision| {
            let (warnings, audit_annotations) = self.notices.into_parts();
            Answer {
                decision,
                warnings,
                audit_annotations,
            }
        });
        Outcome { answer, trace }
    }
}
