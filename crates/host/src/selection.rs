//! Evaluation by some policies of a plane, for checks that run before a policy set serves.

use std::time::Instant;

use access::{
    Entry, Evaluate, Evaluated, Failure, Mode, NoDecision, Plane, PolicyName, PolicyReview, Timing,
    Trace, admission, authn, authz,
};

use crate::chain::Chain;
use crate::evaluation::Decision;
use crate::host::Host;
use crate::policy::{CallContext, LoadedPolicy};
use crate::request::EvaluateError;

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

/// A policy of a selection.
enum SelectedPolicy<'a, M> {
    Evaluate(&'a LoadedPolicy<M>),
    Fail(Failure),
}

impl Host {
    /// Evaluates a review with the policies of a plane that `select` chooses by name and mode.
    ///
    /// # Errors
    /// Fails if the bytes are not a review of that plane.
    pub async fn evaluate_selected(
        &self,
        plane: Plane,
        review: &[u8],
        deadline: Instant,
        select: &(dyn Fn(&PolicyName, Mode) -> Selected + Sync),
    ) -> Result<SelectedEvaluation, EvaluateError> {
        let context = CallContext::new(deadline);
        let admission_mode = |policy: &admission::Policy| policy.mode;
        let (decision, trace) = match plane {
            Plane::Authentication => {
                let mode = |policy: &authn::Policy| policy.mode;
                let chain = select_policies(&self.authentication, mode, select);
                let review = wire::authentication::Review::parse(review)?;
                let outcome = authn::decide(&chain, &review, &context).await;
                let decision = outcome.decision.map(Decision::Authentication);
                (decision, outcome.trace)
            }
            Plane::Authorization => {
                let mode = |policy: &authz::Policy| policy.mode;
                let chain = select_policies(&self.authorization, mode, select);
                let review = wire::authorization::Review::parse(review)?;
                let outcome = authz::decide(&chain, &review, &context).await;
                let decision = outcome.decision.map(Decision::Authorization);
                (decision, outcome.trace)
            }
            Plane::Mutation => {
                let chain = select_policies(&self.mutation, admission_mode, select);
                let review = wire::admission::Review::parse(review)?;
                let outcome = admission::mutate(&chain, &review, &[], &context).await;
                (outcome.response.map(Decision::Admission), outcome.trace)
            }
            Plane::Validation => {
                let chain = select_policies(&self.validation, admission_mode, select);
                let review = wire::admission::Review::parse(review)?;
                let outcome = admission::validate(&chain, &review, &[], &context).await;
                (outcome.response.map(Decision::Admission), outcome.trace)
            }
        };
        Ok(SelectedEvaluation { decision, trace })
    }
}

fn select_policies<'a, P: Clone, M>(
    chain: &'a Chain<P, M>,
    mode: impl Fn(&P) -> Mode,
    select: &dyn Fn(&PolicyName, Mode) -> Selected,
) -> Vec<Entry<P, SelectedPolicy<'a, M>>> {
    let entry = |entry: &'a Entry<P, LoadedPolicy<M>>| {
        let evaluator = match select(entry.evaluator.name(), mode(&entry.policy)) {
            Selected::Evaluate => SelectedPolicy::Evaluate(&entry.evaluator),
            Selected::Omit => return None,
            Selected::Fail(failure) => SelectedPolicy::Fail(failure),
        };
        Some(Entry {
            policy: entry.policy.clone(),
            evaluator,
        })
    };
    chain.entries().iter().filter_map(entry).collect()
}

impl<A: Send, M> Evaluate<A> for SelectedPolicy<'_, M>
where
    LoadedPolicy<M>: Evaluate<A>,
{
    type Context = <LoadedPolicy<M> as Evaluate<A>>::Context;
    type Parsed = <LoadedPolicy<M> as Evaluate<A>>::Parsed;

    async fn evaluate(
        &self,
        review: &PolicyReview<'_, Self::Parsed>,
        context: &Self::Context,
    ) -> Evaluated<A> {
        match self {
            Self::Evaluate(policy) => policy.evaluate(review, context).await,
            Self::Fail(failure) => Evaluated {
                response: Err(failure.clone()),
                timing: Timing::default(),
            },
        }
    }
}
