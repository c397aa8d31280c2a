//! The subject of a review, without secrets.

use access::text;
use serde::{Deserialize, Serialize};

use access::redact;

/// The maximum length of a field in characters. Clients choose these texts, and records keep them.
const MAX_FIELD: usize = 253;

/// The subject of a review: the user and the requested operation. Parts that a review lacks are
/// empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Subject {
    /// The user who made the request, or whom the policies identified by a token.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// The verb of an authorization or the operation of an admission, in lower case. Empty for
    /// tokens.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub verb: String,
    /// The resource as in kubectl, such as `configmaps` or `deployments.apps/scale`; or the path of a
    /// non-resource request.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource: String,
    /// The namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The name of the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// True if nothing will be stored.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// True if the object contains secrets, which the texts of a policy may quote.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub holds_secrets: bool,
}

impl Subject {
    /// Creates the subject of a token that belongs to a user.
    pub(crate) fn from_username(username: &str) -> Self {
        Self {
            user: field(username),
            ..Self::default()
        }
    }

    /// Creates the subject of an authorization.
    pub(crate) fn from_access(spec: &wire::authorization::Spec) -> Self {
        let user = field(&spec.user);
        if let Some(attributes) = &spec.non_resource_attributes {
            return Self {
                user,
                verb: field(&attributes.verb),
                resource: field(&attributes.path),
                ..Self::default()
            };
        }
        let Some(attributes) = &spec.resource_attributes else {
            return Self::from_username(&user);
        };
        Self {
            user,
            verb: field(&attributes.verb),
            resource: resource(
                &attributes.resource,
                &attributes.group,
                &attributes.subresource,
            ),
            namespace: field(&attributes.namespace),
            name: field(&attributes.name),
            ..Self::default()
        }
    }

    /// Creates the subject of an admission.
    pub(crate) fn from_admission(request: &wire::admission::Request<'_>) -> Self {
        let target = &request.resource;
        Self {
            user: field(&request.user_info.username),
            verb: request.operation.to_string().to_lowercase(),
            resource: resource(&target.resource, &target.group, &request.sub_resource),
            namespace: field(&request.namespace),
            name: field(&request.name),
            dry_run: request.dry_run,
            holds_secrets: redact::holds_secrets(&request.kind.kind, &target.resource),
        }
    }
}

fn resource(plural: &str, group: &str, subresource: &str) -> String {
    let mut name = field(plural);
    for (separator, part) in [('.', group), ('/', subresource)] {
        if !part.is_empty() {
            name.push(separator);
            name.push_str(&field(part));
        }
    }
    name
}

/// Sanitizes a text of the client for terminals, and truncates it.
fn field(text: &str) -> String {
    text::line(text, MAX_FIELD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_resources_like_kubectl() {
        assert_eq!(resource("pods", "", ""), "pods");
        assert_eq!(
            resource("deployments", "apps", "scale"),
            "deployments.apps/scale"
        );
    }

    #[test]
    fn sanitizes_and_truncates_names() {
        let subject = Subject::from_username(&"ä".repeat(10_000));
        assert_eq!(subject.user.chars().count(), MAX_FIELD);
        assert_eq!(Subject::from_username("ja\u{1b}[31mne").user, "ja [31mne");
    }
}
