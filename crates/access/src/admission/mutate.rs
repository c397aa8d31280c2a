//! Skeleton of the mutate chain.

use wire::admission::{Response, Review};

use super::{Outcome, Policy};
use crate::ask::Ask;
use crate::failure::Undecided;
use crate::trace::Trace;

/// Asks the policies.
pub async fn mutate(chain: &[Policy], review: &Review<'_>, ask: &impl Ask<Response>) -> Outcome {
    let _ = (chain, review, ask, std::future::ready(()).await);
    Outcome {
        answer: Err(Undecided::new([])),
        trace: Trace::default(),
    }
}
