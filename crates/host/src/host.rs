//! A set of loaded policies that evaluates reviews.

use access::rules::Target;
use access::{Entry, Mode, Plane, admission, authn, authz};
use engine::Engine;

use crate::chain::Chain;
use crate::evaluation::Evaluation;
use crate::policy::{AdmissionProgram, LoadedPolicy, NativeModule, PolicyInfo};
use crate::request::{EvaluateError, EvaluationRequest};

/// A set of loaded policies that evaluates reviews. Immutable: a changed configuration results in
/// a new `Host`.
///
/// [`Host::load`] has an example.
#[derive(Debug)]
pub struct Host {
    pub(crate) engine: Engine,
    /// True if admission responses contain a summary of the trace.
    pub(crate) audit_trace: bool,
    pub(crate) authentication: Chain<authn::Policy, NativeModule>,
    pub(crate) authorization: Chain<authz::Policy, NativeModule>,
    pub(crate) mutation: Chain<admission::Policy, AdmissionProgram>,
    pub(crate) validation: Chain<admission::Policy, AdmissionProgram>,
}

impl Host {
    /// Evaluates a review. Dropping the future cancels the current call.
    ///
    /// # Errors
    /// Fails if the bytes are not a review of the requested plane, or the named policy does not
    /// exist. The failure of a policy is not an error, but a
    /// [`NoDecision`](access::NoDecision) in [`Evaluation::decision`].
    pub async fn evaluate(
        &self,
        request: EvaluationRequest<'_>,
    ) -> Result<Evaluation, EvaluateError> {
        match request.plane {
            Plane::Authentication => self.authenticate(request).await,
            Plane::Authorization => self.authorize(request).await,
            Plane::Mutation => self.mutate(request).await,
            Plane::Validation if self.is_mutating_kubewarden_policy(request.policy) => {
                self.mutate(request).await
            }
            Plane::Validation => self.validate(request).await,
        }
    }

    /// Returns whether any policy of a plane would be evaluated on such a request, or on any
    /// request if `target` is `None`. Cheap, so that callers can avoid serializing a review.
    #[must_use]
    pub fn has_policy_for(&self, plane: Plane, target: Option<&Target<'_>>) -> bool {
        let is_for = |entry: &Entry<admission::Policy, LoadedPolicy<AdmissionProgram>>| {
            target.is_none_or(|target| entry.policy.is_for(target))
        };
        match plane {
            Plane::Authentication => !self.authentication.entries().is_empty(),
            Plane::Authorization => !self.authorization.entries().is_empty(),
            Plane::Mutation => self.mutation.entries().iter().any(is_for),
            Plane::Validation => self.validation.entries().iter().any(is_for),
        }
    }

    /// Returns whether an authorizer in mode `protect` denies if it fails. A request that cannot be
    /// evaluated must then be denied, too: the authorizer might have denied a request that another
    /// one allows.
    #[must_use]
    pub fn denies_on_failure(&self) -> bool {
        let mut authorizers = self.authorization.entries().iter();
        authorizers.any(|Entry { policy, .. }| {
            policy.mode == Mode::Protect && policy.on_failure == authz::OnFailure::Deny
        })
    }

    /// The loaded policies, plane by plane, in the order of evaluation.
    pub fn policies(&self) -> impl Iterator<Item = PolicyInfo> + '_ {
        let authentication = self.authentication.entries().iter();
        let authorization = self.authorization.entries().iter();
        let mutation = self.mutation.entries().iter();
        let validation = self.validation.entries().iter();
        authentication
            .map(|entry| entry.evaluator.info(Plane::Authentication))
            .chain(authorization.map(|entry| entry.evaluator.info(Plane::Authorization)))
            .chain(mutation.map(|entry| entry.evaluator.info(Plane::Mutation)))
            .chain(validation.map(|entry| entry.evaluator.info(Plane::Validation)))
    }

    /// The authorization chain, for callers that evaluate a part of it.
    #[must_use]
    pub fn authorizers(&self) -> &[Entry<authz::Policy, LoadedPolicy<NativeModule>>] {
        self.authorization.entries()
    }

    /// The mutation chain, for callers that evaluate a part of it.
    #[must_use]
    pub fn mutating_policies(&self) -> &[Entry<admission::Policy, LoadedPolicy<AdmissionProgram>>] {
        self.mutation.entries()
    }

    /// The validation chain, for callers that evaluate a part of it.
    #[must_use]
    pub fn validating_policies(
        &self,
    ) -> &[Entry<admission::Policy, LoadedPolicy<AdmissionProgram>>] {
        self.validation.entries()
    }

    /// The engine that runs the modules.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}
