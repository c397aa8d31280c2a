//! The evaluation of TokenReviews.

use access::authn;
use wire::authentication::Review;

use crate::evaluation::{Decision, Evaluation};
use crate::host::Host;
use crate::policy::CallContext;
use crate::reply::Reply;
use crate::request::{EvaluateError, EvaluationRequest};
use crate::subject::Subject;

impl Host {
    pub(crate) async fn authenticate(
        &self,
        request: EvaluationRequest<'_>,
    ) -> Result<Evaluation, EvaluateError> {
        let chain = self.authentication.select(request.policy)?;
        let review = Review::parse(request.review)?;
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
}
