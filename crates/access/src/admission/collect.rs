//! What the policies of a chain said so far, and the answer that comes of it.

use wire::admission::Response;

use super::notices::Notices;
use super::response::{self, Change, Reply, Said};
use super::{Answer, Decision, Mode, Outcome, Policy, Rejection};
use crate::ask::Asked;
use crate::failure::{self, Consequence, Failure, Undecided};
use crate::name::PolicyName;
use crate::patch::Patch;
use crate::trace::{Recorder, SkipReason, StepAnswer};

/// Gathers answers in the order of the chain.
#[derive(Debug, Default)]
pub(super) struct Collector {
    recorder: Recorder,
    rejections: Vec<(PolicyName, Rejection)>,
    notices: Notices,
}

/// What an answer means for a chain that asks one policy after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    GoOn,
    Rejected,
    Undecided,
}

impl Collector {
    pub(super) fn skip(&mut self, policy: &Policy, reason: SkipReason) {
        self.recorder.skipped(&policy.name, reason);
    }

    /// Takes what came of a call about the request with this `uid`. `change` changes the object and tells whether it differs.
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
                Said::Changed(what) if policy.mode == Mode::Protect => change(what)?,
                Said::Changed(_) | Said::Accepted | Said::Rejected(_) => false,
            };
            Ok((reply, mutated))
        });
        let (next, answer, notes) = match reply {
            Ok((reply, mutated)) => self.answered(policy, reply, mutated),
            Err(failure) => self.failed(policy, failure),
        };
        self.recorder
            .asked(&policy.name, asked.elapsed, answer, notes);
        next
    }

    fn answered(
        &mut self,
        policy: &Policy,
        reply: Reply,
        mutated: bool,
    ) -> (Next, StepAnswer, Vec<String>) {
        let mut notes = self
            .notices
            .add(&policy.name, reply.warnings, reply.audit_annotations);
        let is_watched = policy.mode == Mode::Monitor;
        let rejection = match reply.said {
            Said::Rejected(rejection) => rejection,
            said => {
                if is_watched && matches!(said, Said::Changed(_)) {
                    notes.push("mode monitor: its change was not made".to_owned());
                }
                return (Next::GoOn, StepAnswer::Accepted { mutated }, notes);
            }
        };
        let (message, code) = (rejection.message.clone(), rejection.code);
        if is_watched {
            return (Next::GoOn, StepAnswer::Watched { message, code }, notes);
        }
        let answer = StepAnswer::Rejected { message, code };
        self.rejections.push((policy.name.clone(), rejection));
        (Next::Rejected, answer, notes)
    }

    fn failed(&mut self, policy: &Policy, failure: Failure) -> (Next, StepAnswer, Vec<String>) {
        let on_failure = failure::OnFailure::Admission(policy.on_failure());
        let next = match failure::consequence(on_failure) {
            Consequence::Ignored => {
                self.notices.ignored(&policy.name);
                Next::GoOn
            }
            Consequence::Undecided | Consequence::Denied => Next::Undecided,
        };
        let answer = StepAnswer::failed(failure, on_failure);
        (next, answer, Vec::new())
    }

    /// The answer. Policies that the chain did not come to were skipped for `rest`; `patch` is asked for when nobody
    /// rejected.
    pub(super) fn finish(
        self,
        chain: &[Policy],
        rest: SkipReason,
        patch: impl FnOnce() -> Result<Option<Patch>, Undecided>,
    ) -> Outcome {
        let names = chain.iter().map(|policy| &policy.name);
        let trace = self.recorder.finish(names, rest);
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
