//! Evaluation by some policies of a plane, for checks that run before a policy set serves.

use std::time::Instant;

use access::{
    Ask, Asked, Failure, FailureKind, Mode, NoDecision, Plane, PolicyName, Timing, Trace,
    admission, authn, authz,
};

use crate::evaluation::Decision;
use crate::host::{Chain, EvaluateError, Host};
use crate::policy::{Asker, LoadedPolicy};

/// The part of a policy in an evaluation by [`Host::evaluate_selected`].
#[derive(Debug, Clone)]
pub enum Selected {
    /// The policy is evaluated as usual.
    Evaluate,
    /// The policy is left out, as if it were not configured.
    Omit,
    /// The policy is not called; its call fails with this failure.
    Fail(Failure),
}

/// The result of an evaluation by some policies of a plane.
#[derive(Debug)]
pub struct SelectedEvaluation {
    /// The decision.
    pub decision: Result<Decision, NoDecision>,
    /// One step for each policy that was not left out.
    pub trace: Trace,
}

/// A policy in a [`Selection`]: its index in the chain, or the failure in place of a call.
type Call = Result<usize, Failure>;

/// Some policies of a chain.
struct Selection<'a, P> {
    rules: Vec<P>,
    callees: Callees<'a>,
}

struct Callees<'a> {
    calls: Vec<Call>,
    asker: Asker<'a>,
}

impl Host {
    /// Evaluates a review with the policies of a plane that `select` chooses by name and mode.
    ///
    /// # Errors
    /// If the bytes are not a review of that plane.
    pub async fn evaluate_selected(
        &self,
        plane: Plane,
        review: &[u8],
        deadline: Instant,
        select: &(dyn Fn(&PolicyName, Mode) -> Selected + Sync),
    ) -> Result<SelectedEvaluation, EvaluateError> {
        match plane {
            Plane::Authentication => {
                let mode = |policy: &authn::Policy| policy.mode;
                let selection = Selection::new(&self.authentication, mode, deadline, select);
                let review = wire::authentication::Review::parse(review)?;
                let outcome = authn::decide(&selection.rules, &review, &selection.callees).await;
                Ok(SelectedEvaluation {
                    decision: outcome.decision.map(Decision::Authentication),
                    trace: outcome.trace,
                })
            }
            Plane::Authorization => {
                let mode = |policy: &authz::Policy| policy.mode;
                let selection = Selection::new(&self.authorization, mode, deadline, select);
                let review = wire::authorization::Review::parse(review)?;
                let outcome = authz::decide(&selection.rules, &review, &selection.callees).await;
                Ok(SelectedEvaluation {
                    decision: outcome.decision.map(Decision::Authorization),
                    trace: outcome.trace,
                })
            }
            Plane::Mutation | Plane::Validation => {
                let mode = |policy: &admission::Policy| policy.mode;
                let review = wire::admission::Review::parse(review)?;
                let outcome = if plane == Plane::Mutation {
                    let selection = Selection::new(&self.mutation, mode, deadline, select);
                    admission::mutate(&selection.rules, &review, &selection.callees).await
                } else {
                    let selection = Selection::new(&self.validation, mode, deadline, select);
                    admission::validate(&selection.rules, &review, &selection.callees).await
                };
                Ok(SelectedEvaluation {
                    decision: outcome.answer.map(Decision::Admission),
                    trace: outcome.trace,
                })
            }
        }
    }
}

impl<'a, P: Clone> Selection<'a, P> {
    fn new(
        chain: &'a Chain<P>,
        mode: impl Fn(&P) -> Mode,
        deadline: Instant,
        select: &dyn Fn(&PolicyName, Mode) -> Selected,
    ) -> Self {
        let (mut rules, mut calls) = (Vec::new(), Vec::new());
        for (index, (policy, loaded)) in chain.rules.iter().zip(&chain.loaded).enumerate() {
            let loaded: &LoadedPolicy = loaded;
            let call = match select(&loaded.name, mode(policy)) {
                Selected::Evaluate => Ok(index),
                Selected::Omit => continue,
                Selected::Fail(failure) => Err(failure),
            };
            rules.push(policy.clone());
            calls.push(call);
        }
        let asker = Asker::new(&chain.loaded, deadline);
        Self {
            rules,
            callees: Callees { calls, asker },
        }
    }
}

impl<'a, A: Send> Ask<A> for Callees<'a>
where
    Asker<'a>: Ask<A>,
{
    async fn ask(&self, policy: usize, review: &[u8]) -> Asked<A> {
        let failure = match self.calls.get(policy) {
            Some(Ok(index)) => return self.asker.ask(*index, review).await,
            Some(Err(failure)) => failure.clone(),
            None => Failure::new(FailureKind::Host, "the policy is not loaded"),
        };
        Asked {
            answer: Err(failure),
            timing: Timing::default(),
        }
    }
}
