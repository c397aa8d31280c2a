//! What is logged of requests that are not answered with a review. What is logged of decisions is said in `host`.

use hyper::{Method, Uri};

use crate::refusal::Refusal;

/// A request that was not answered with a review. What the client is told may quote what it sent, so it is left to level
/// debug; the path is its own, too, and may be long.
pub(super) fn refusal(method: &Method, uri: &Uri, refusal: &Refusal) {
    let path: String = uri.path().chars().take(PATH_MAX).collect();
    tracing::info!(%method, ?path, status = refusal.status().as_u16(), reason = refusal.reason(), "refused a request");
    tracing::debug!(told = %refusal, "what the client was told");
}

/// Longer than any path that leads somewhere, in characters.
const PATH_MAX: usize = 300;
