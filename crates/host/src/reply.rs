//! Replies: the only mapping from the outcome of an evaluation to the response for the client.

use access::admission::{self, SingleOutcome};
use access::{NoDecision, authn, authz};
use wire::review::Version;

/// The reply to a client. Front ends map it to their protocol, such as HTTP status codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A review with the response, in the version of the request, as JSON.
    Review(Vec<u8>),
    /// No decision: the API server's own failure policy applies, or the client retries.
    NoDecision(NoDecision),
}

impl Reply {
    /// Creates the reply to a TokenReview.
    pub(crate) fn from_authentication(version: Version, outcome: &authn::Outcome) -> Self {
        match &outcome.decision {
            Err(overload @ NoDecision::Overloaded(_)) => Self::NoDecision(overload.clone()),
            // Failed policies are reported in `status.error`, because kube-apiserver then neither
            // caches the response nor retries.
            Err(NoDecision::PoliciesFailed(_)) | Ok(_) => {
                let status = outcome.status();
                Self::Review(wire::authentication::write_response(version, &status))
            }
        }
    }

    /// Creates the reply to a SubjectAccessReview.
    pub(crate) fn from_authorization(version: Version, outcome: &authz::Outcome) -> Self {
        match &outcome.decision {
            Ok(decision) => {
                let status = decision.status();
                Self::Review(wire::authorization::write_response(version, &status))
            }
            Err(no_decision) => Self::NoDecision(no_decision.clone()),
        }
    }

    /// Creates the reply to an AdmissionReview; `uid` is that of the request.
    pub(crate) fn from_admission(
        version: Version,
        uid: &str,
        outcome: &admission::Outcome,
    ) -> Self {
        match &outcome.response {
            Ok(response) => {
                let response = response.to_wire(uid);
                Self::Review(wire::admission::write_response(version, &response))
            }
            Err(no_decision) => Self::NoDecision(no_decision.clone()),
        }
    }

    /// Creates the reply to a raw review.
    pub(crate) fn from_raw(single: &SingleOutcome) -> Self {
        match (&single.response, &single.outcome.response) {
            (Ok(response), _) => Self::Review(wire::admission::write_raw_response(response)),
            (Err(_), Err(overload @ NoDecision::Overloaded(_))) => {
                Self::NoDecision(overload.clone())
            }
            (Err(failure), _) => Self::NoDecision(NoDecision::PoliciesFailed(failure.to_string())),
        }
    }
}
