//! Why an object may not be stored, in words that people meet in `kubectl`.

use wire::meta::{Status, StatusCause, StatusDetails};

use crate::name::PolicyName;

/// Why an object may not be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// For the user: `<policy>: <its words>`, several joined by `; `.
    ///
    /// kube-apiserver puts `admission webhook "…" denied the request: ` before it.
    pub message: String,
    /// The HTTP status code for the client, 400 to 599; 403 unless all policies that reject agree on another.
    pub code: u16,
    /// For machines; `Forbidden` unless all policies that reject agree on another.
    pub reason: String,
    /// At least one for each policy that rejects.
    pub causes: Vec<StatusCause>,
}

/// The HTTP status code of a rejection that names no other.
pub(super) const FORBIDDEN: u16 = 403;

const FORBIDDEN_REASON: &str = "Forbidden";

impl Rejection {
    /// All rejections as one; `None` when there is none.
    pub(super) fn of_all(rejections: Vec<(PolicyName, Self)>) -> Option<Self> {
        let (_, first) = rejections.first()?;
        let (code, reason) = (first.code, first.reason.clone());
        let do_agree = rejections
            .iter()
            .all(|(_, other)| other.code == code && other.reason == reason);
        let (code, reason) = if do_agree {
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

    /// The Status that goes into the response.
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
