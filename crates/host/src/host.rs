//! A set of loaded policies that evaluates reviews.

use std::time::Instant;

use access::admission::SingleOutcome;
use access::rules::Target;
use access::{Entry, Failure, Mode, Plane, admission, authn, authz};
use engine::Engine;
use wire::admission::{Response, Review};
use wire::{authentication, authorization};

use crate::chain::Chain;
use crate::evaluation::{Decision, Evaluation};
use crate::policy::{AdmissionProgram, CallContext, LoadedPolicy, NativeModule, PolicyInfo};
use crate::reply::Reply;
use crate::request::{EvaluateError, EvaluationRequest};
use crate::subject::Subject;

/// The key of the trace in the audit log. Keys of policies have the policy's name as prefix.
const TRACE_ANNOTATION: &str = "trace";

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

    /// Evaluates one Kubewarden policy outside of its chain. Returns the policy's own response with
    /// the smallest patch, and nothing that a chain adds.
    ///
    /// # Errors
    /// Fails if no Kubewarden policy has this name. The failure of a policy is an `Ok(Err(…))`.
    pub async fn evaluate_kubewarden(
        &self,
        policy: &str,
        request: &kubewarden::Request,
        deadline: Instant,
    ) -> Result<Result<Response, Failure>, EvaluateError> {
        let context = CallContext::new(deadline);
        let single = self.evaluate_single(policy, request, &context).await?;
        Ok(single.response)
    }

    /// Evaluates a Kubewarden policy on a raw review: any JSON in `{"request": …}`. The reply is
    /// `{"response": …}`.
    ///
    /// # Errors
    /// Fails if the bytes are not a raw review, or no Kubewarden policy has this name. The failure
    /// of a policy is not an error, but a [`Decision`].
    pub async fn evaluate_raw(
        &self,
        policy: &str,
        review: &[u8],
        deadline: Instant,
    ) -> Result<Evaluation, EvaluateError> {
        let request = wire::admission::parse_raw_request(review)?;
        let request = kubewarden::Request::from_raw(request.get().as_bytes())?;
        let context = CallContext::new(deadline);
        let single = self.evaluate_single(policy, &request, &context).await?;
        Ok(Evaluation {
            uid: Some(request.uid().to_owned()),
            subject: Subject::default(),
            reply: Reply::from_raw(&single),
            decision: single.outcome.response.map(Decision::Admission),
            trace: single.outcome.trace,
            start: context.start(),
        })
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

    /// Returns the loaded policies, plane by plane, in the order of evaluation.
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

    /// Returns the engine that runs the modules.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}

/// The evaluation on each plane: parse the review, evaluate the chain, reply.
impl Host {
    async fn authenticate(
        &self,
        request: EvaluationRequest<'_>,
    ) -> Result<Evaluation, EvaluateError> {
        let chain = self.authentication.select(request.policy)?;
        let review = authentication::Review::parse(request.review)?;
        let context = CallContext::new(request.deadline);
        let outcome = authn::decide(chain, &review, &context).await;
        let subject = match &outcome.decision {
            Ok(authn::Decision::Authenticated(identity)) => {
                Subject::from_username(&identity.user.username)
            }
            Ok(authn::Decision::Unknown) | Err(_) => Subject::default(),
        };
        Ok(Evaluation {
            uid: None,
            subject,
            reply: Reply::from_authentication(review.version, &outcome),
            decision: outcome.decision.map(Decision::Authentication),
            trace: outcome.trace,
            start: context.start(),
        })
    }

    async fn authorize(&self, request: EvaluationRequest<'_>) -> Result<Evaluation, EvaluateError> {
        let chain = self.authorization.select(request.policy)?;
        let review = authorization::Review::parse(request.review)?;
        let context = CallContext::new(request.deadline);
        let outcome = authz::decide(chain, &review, &context).await;
        Ok(Evaluation {
            uid: None,
            subject: Subject::from_access(&review.spec),
            reply: Reply::from_authorization(review.version, &outcome),
            decision: outcome.decision.map(Decision::Authorization),
            trace: outcome.trace,
            start: context.start(),
        })
    }

    async fn mutate(&self, request: EvaluationRequest<'_>) -> Result<Evaluation, EvaluateError> {
        let chain = self.mutation.select(request.policy)?;
        let review = Review::parse(request.review)?;
        let context = CallContext::new(request.deadline);
        let outcome = admission::mutate(chain, &review, request.already_evaluated, &context).await;
        Ok(self.finish_admission(review, outcome, &context))
    }

    async fn validate(&self, request: EvaluationRequest<'_>) -> Result<Evaluation, EvaluateError> {
        let chain = self.validation.select(request.policy)?;
        let review = Review::parse(request.review)?;
        let context = CallContext::new(request.deadline);
        let outcome =
            admission::validate(chain, &review, request.already_evaluated, &context).await;
        Ok(self.finish_admission(review, outcome, &context))
    }

    fn finish_admission(
        &self,
        review: Review<'_>,
        mut outcome: admission::Outcome,
        context: &CallContext,
    ) -> Evaluation {
        if self.audit_trace
            && let Ok(response) = &mut outcome.response
        {
            response
                .audit_annotations
                .insert(TRACE_ANNOTATION.to_owned(), outcome.trace.summary());
        }
        let subject = Subject::from_admission(&review.request);
        let uid = review.request.uid;
        Evaluation {
            reply: Reply::from_admission(review.version, &uid, &outcome),
            uid: Some(uid),
            subject,
            decision: outcome.response.map(Decision::Admission),
            trace: outcome.trace,
            start: context.start(),
        }
    }

    /// Returns whether the name is that of a Kubewarden policy that may mutate. Kubewarden has one
    /// URL for accepting and mutating, so such a policy is also found on the validation plane.
    fn is_mutating_kubewarden_policy(&self, policy: Option<&str>) -> bool {
        let entry = policy.and_then(|name| self.mutation.get(name));
        entry.is_some_and(|entry| {
            matches!(entry.evaluator.program(), AdmissionProgram::Kubewarden(_))
        })
    }

    async fn evaluate_single(
        &self,
        policy: &str,
        request: &kubewarden::Request,
        context: &CallContext,
    ) -> Result<SingleOutcome, EvaluateError> {
        let entry = self
            .validation
            .get(policy)
            .or_else(|| self.mutation.get(policy))
            .ok_or_else(|| EvaluateError::NoSuchPolicy(policy.to_owned()))?;
        let AdmissionProgram::Kubewarden(program) = entry.evaluator.program() else {
            return Err(EvaluateError::NotKubewarden(policy.to_owned()));
        };
        let evaluated = entry
            .evaluator
            .evaluate_request(program, request, context)
            .await;
        let (uid, object) = (request.uid(), request.object());
        Ok(admission::single_policy(
            &entry.policy,
            uid,
            object,
            evaluated,
        ))
    }
}
