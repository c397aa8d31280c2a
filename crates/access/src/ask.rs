//! How a chain asks one policy.

use std::future::Future;

use wire::review::ParseError;

use crate::failure::{Failure, FailureKind};
use crate::trace::Timing;

/// Asks the policies of a chain: implemented with modules by `host`, with tables by tests.
///
/// `A` is the answer as the wire has it: [`wire::authentication::Status`], [`wire::authorization::Status`] or
/// [`wire::admission::Response`].
pub trait Ask<A>: Sync {
    /// Asks the policy at the index `policy` of the chain.
    ///
    /// `review` is the review in `v1`, one JSON value. Dropping the future cancels the call.
    fn ask(&self, policy: usize, review: &[u8]) -> impl Future<Output = Asked<A>> + Send;
}

/// What came of one call.
#[derive(Debug, Clone)]
pub struct Asked<A> {
    /// The answer, not yet checked, or why there is none.
    pub answer: Result<A, Failure>,
    /// When.
    pub timing: Timing,
}

/// Asks with a review that may have turned out to be unwritable, which is a failed call like any other.
pub(crate) async fn ask<A, B: AsRef<[u8]> + Sync>(
    by: &impl Ask<A>,
    policy: usize,
    review: &Result<B, ParseError>,
) -> Asked<A> {
    match review {
        Ok(review) => by.ask(policy, review.as_ref()).await,
        Err(error) => Asked {
            answer: Err(Failure::new(
                FailureKind::Host,
                format!("the review cannot be passed on: {error}"),
            )),
            timing: Timing::default(),
        },
    }
}
