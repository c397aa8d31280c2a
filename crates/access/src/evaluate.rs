//! The interface between a chain and the modules of its policies.

use std::borrow::Cow;
use std::future::Future;
use std::sync::OnceLock;

use wire::review::ParseError;

use crate::failure::{Failure, FailureKind};
use crate::trace::Timing;

/// One policy of a chain: its configuration, as far as decisions depend on it, and its evaluator.
///
/// `P` is [`crate::authn::Policy`], [`crate::authz::Policy`] or [`crate::admission::Policy`].
#[derive(Debug, Clone)]
pub struct Entry<P, E> {
    /// The configuration of the policy.
    pub policy: P,
    /// The evaluator that calls the policy's module.
    pub evaluator: E,
}

/// An evaluator of one policy. `host` implements it with modules, tests with tables.
///
/// `A` is the response as it appears on the wire: [`wire::authentication::Status`],
/// [`wire::authorization::Status`] or [`wire::admission::Response`].
pub trait Evaluate<A>: Sync {
    /// Data that all calls of one evaluation share, such as their deadline.
    type Context: Sync;

    /// A parsed form of the review that all policies of the chain share; `()` if there is none.
    type Parsed: Send + Sync;

    /// Evaluates the policy on `review`. Dropping the future cancels the call.
    fn evaluate(
        &self,
        review: &PolicyReview<'_, Self::Parsed>,
        context: &Self::Context,
    ) -> impl Future<Output = Evaluated<A>> + Send;
}

/// A review as policies see it: one JSON value in `v1`.
///
/// All policies that see the same bytes share one value, so that [`Self::parsed`] parses a review
/// at most once, however many policies a chain has.
#[derive(Debug)]
pub struct PolicyReview<'a, T> {
    json: Cow<'a, [u8]>,
    parsed: OnceLock<T>,
}

impl<'a, T> PolicyReview<'a, T> {
    /// Creates a review from its JSON.
    #[must_use]
    pub fn new(json: impl Into<Cow<'a, [u8]>>) -> Self {
        Self {
            json: json.into(),
            parsed: OnceLock::new(),
        }
    }

    /// Returns the review as JSON.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// Returns the parsed form of the review, which the first caller creates with `parse`.
    pub fn parsed(&self, parse: impl FnOnce(&[u8]) -> T) -> &T {
        self.parsed.get_or_init(|| parse(&self.json))
    }
}

/// The result of one call.
#[derive(Debug, Clone)]
pub struct Evaluated<A> {
    /// The response before any check, or the reason why there is none.
    pub response: Result<A, Failure>,
    /// The time of the call.
    pub timing: Timing,
}

/// Evaluates a policy on a review. A review that cannot be serialized is a failed call.
pub(crate) async fn evaluate<A, E: Evaluate<A>>(
    evaluator: &E,
    review: &Result<PolicyReview<'_, E::Parsed>, ParseError>,
    context: &E::Context,
) -> Evaluated<A> {
    match review {
        Ok(review) => evaluator.evaluate(review, context).await,
        Err(error) => Evaluated {
            response: Err(Failure::new(
                FailureKind::Internal,
                format!("the review cannot be passed on: {error}"),
            )),
            timing: Timing::default(),
        },
    }
}
