//! The evaluation of AdmissionReviews and raw reviews.

use std::time::Instant;

use access::Failure;
use access::admission::{self, SingleOutcome};
use wire::admission::{Response, Review};

use crate::evaluation::{Decision, Evaluation};
use crate::host::Host;
use crate::policy::{AdmissionProgram, CallContext};
use crate::raw;
use crate::reply::Reply;
use crate::request::{EvaluateError, EvaluationRequest};
use crate::subject::Subject;

/// The key of the trace in the audit log. Keys of policies have the policy's name as prefix.
const TRACE_ANNOTATION: &str = "trace";

impl Host {
    pub(crate) async fn mutate(
        &self,
        request: EvaluationRequest<'_>,
    ) -> Result<Evaluation, EvaluateError> {
        let chain = self.mutation.select(request.policy)?;
        let review = Review::parse(request.review)?;
        let context = CallContext::new(request.deadline);
        let outcome = admission::mutate(chain, &review, request.already_evaluated, &context).await;
        Ok(self.finish_admission(review, outcome, &context))
    }

    pub(crate) async fn validate(
        &self,
        request: EvaluationRequest<'_>,
    ) -> Result<Evaluation, EvaluateError> {
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
    pub(crate) fn is_mutating_kubewarden_policy(&self, policy: Option<&str>) -> bool {
        let entry = policy.and_then(|name| self.mutation.get(name));
        entry.is_some_and(|entry| {
            matches!(entry.evaluator.program(), AdmissionProgram::Kubewarden(_))
        })
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
        let request = raw::parse_request(review)?;
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
