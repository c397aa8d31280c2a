//! Rejections of objects, as users see them in `kubectl`.

use wire::meta::{Status, StatusCause, StatusDetails};

use crate::policy::PolicyName;

/// The HTTP status code of a rejection without a code of its own.
pub(super) const FORBIDDEN: u16 = 403;

const FORBIDDEN_REASON: &str = "Forbidden";

/// The reason why an object must not be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The message for the user: `<policy>: <message>`, joined by `; ` if several policies reject.
    ///
    /// kube-apiserver prepends `admission webhook "…" denied the request: `.
    pub message: String,
    /// The HTTP status code for the client, 400 to 599. 403 unless all rejecting policies agree on
    /// another code.
    pub code: u16,
    /// The machine-readable reason. `Forbidden` unless all rejecting policies agree on another.
    pub reason: String,
    /// The causes, at least one for each rejecting policy.
    pub causes: Vec<StatusCause>,
}

impl Rejection {
    /// Combines rejections into one; `None` if there are none.
    pub(super) fn combine(rejections: Vec<(PolicyName, Self)>) -> Option<Self> {
        let (_, first) = rejections.first()?;
        let (code, reason) = (first.code, first.reason.clone());
        let all_agree = rejections
            .iter()
            .all(|(_, other)| other.code == code && other.reason == reason);
        let (code, reason) = if all_agree {
            (code, reason)
        } else {
            (FORBIDDEN, String::new())
        };
        let message = rejections
            .iter()
            .map(|(policy, rejection)| format!("{policy}: {}", rejection.message))
            .collect::<Vec<_>>()
            .join("; ");
        Some(Self {
            message,
            code,
            reason: if reason.is_empty() && code == FORBIDDEN {
                FORBIDDEN_REASON.to_owned()
            } else {
                reason
            },
            causes: rejections
                .into_iter()
                .flat_map(|(_, rejection)| rejection.causes)
                .collect(),
        })
    }

    /// Creates the `status` of the response.
    pub(super) fn status(&self) -> Status {
        Status {
            status: "Failure".to_owned(),
            message: self.message.clone(),
            reason: self.reason.clone(),
            details: Some(StatusDetails {
                causes: self.causes.clone(),
            }),
            code: Some(self.code.into()),
        }
    }
}
