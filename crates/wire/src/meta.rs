//! Types of `k8s.io/apimachinery`: Status, UserInfo, and group-version names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::json::{is_default, nullable};

/// A user (`authentication.k8s.io/v1` UserInfo).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserInfo {
    /// The name that identifies the user among all active users.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub username: String,
    /// The unique ID of the user across time, in case the name is reused.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub uid: String,
    /// The groups of the user.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub groups: Vec<String>,
    /// Extra attributes for authorizers. Keys are lower case and should have a domain prefix.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub extra: BTreeMap<String, Vec<String>>,
}

/// Group, version and kind of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupVersionKind {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version, such as `v1`.
    pub version: String,
    /// The kind, such as `ConfigMap`.
    pub kind: String,
}

/// Group, version and resource of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupVersionResource {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version, such as `v1`.
    pub version: String,
    /// The resource in lower-case plural, such as `configmaps`.
    pub resource: String,
}

/// The reason of a rejection or failure (`v1` Status).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// `Success` or `Failure`.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub status: String,
    /// The message for users.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub message: String,
    /// The machine-readable reason, such as `Forbidden`.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub reason: String,
    /// Details of the failure.
    #[serde(default, skip_serializing_if = "is_default")]
    pub details: Option<StatusDetails>,
    /// The suggested HTTP status code; absent or 0 if not set.
    #[serde(default, skip_serializing_if = "is_default")]
    pub code: Option<i32>,
}

/// The machine-readable details of a Status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusDetails {
    /// The causes of the failure.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub causes: Vec<StatusCause>,
}

/// One cause of a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusCause {
    /// The machine-readable reason.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub reason: String,
    /// The message for users.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub message: String,
    /// The field of the object.
    #[serde(default, with = "nullable", skip_serializing_if = "is_default")]
    pub field: String,
}

/// Serializes a `v1` Status: the body of an HTTP response without a review.
///
/// kube-apiserver decodes it and uses its reason and message
/// (`k8s.io/client-go/rest/request.go`, `transformResponse`).
#[must_use]
pub fn failure_body(code: u16, reason: &str, message: &str) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        api_version: &'static str,
        kind: &'static str,
        metadata: BTreeMap<String, String>,
        status: &'static str,
        message: &'a str,
        reason: &'a str,
        code: u16,
    }
    let body = Body {
        api_version: "v1",
        kind: "Status",
        metadata: BTreeMap::new(),
        status: "Failure",
        message,
        reason,
        code,
    };
    // Serializing strings and numbers to memory cannot fail.
    serde_json::to_vec(&body).unwrap_or_default()
}
