//! The evaluation of SubjectAccessReviews.

use access::authz;
use wire::authorization::Review;

use crate::evaluation::{Decision, Evaluation};
use crate::host::Host;
use crate::policy::CallContext;
use crate::reply::Reply;
use crate::request::{EvaluateError, EvaluationRequest};
use crate::subject::Subject;

impl Host {
    pub(crate) async fn authorize(
        &self,
        request: EvaluationRequest<'_>,
    ) -> Result<Evaluation, EvaluateError> {
        let chain = self.authorization.select(request.policy)?;
        let review = Review::parse(request.review)?;
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
}
