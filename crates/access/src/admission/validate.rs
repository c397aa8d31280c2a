//! The validating chain: may the object be stored?

use futures_util::future::join_all;
use wire::admission::{Response, Review};

use super::collect::Collector;
use super::{Outcome, Policy};
use crate::ask::{self, Ask};
use crate::failure::Failure;
use crate::trace::SkipReason;

/// Asks all policies whose rules match and reports every rejection.
///
/// They are asked at once on the task of the caller: a long call that yields does not hold up the others, and short ones run
/// one after the other without a thread being woken. A rejection stands even if another policy failed.
pub async fn validate(chain: &[Policy], review: &Review<'_>, by: &impl Ask<Response>) -> Outcome {
    let request = &review.request;
    let body = &review.for_module();
    let calls = chain.iter().enumerate().map(async |(index, policy)| {
        if !policy.is_for(&request.into()) {
            return None;
        }
        Some(ask::ask(by, index, body).await)
    });
    let answers = join_all(calls).await;

    let mut collector = Collector::default();
    for (policy, asked) in chain.iter().zip(answers) {
        match asked {
            None => collector.skip(policy, SkipReason::NoRuleMatches),
            Some(asked) => {
                collector.take(policy, &request.uid, asked, |_| Err(changes_the_object()));
            }
        }
    }
    collector.finish(chain, SkipReason::AlreadyDecided, || Ok(None))
}

fn changes_the_object() -> Failure {
    Failure::answer("a validating policy must not change the object")
}
