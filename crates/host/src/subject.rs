//! What a review was about, in a few words of which none is secret.

use access::{redact, text};
use serde::{Deserialize, Serialize};

/// Who wanted to do what. What a review does not tell is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Subject {
    /// Who asked; of a token whom the policies found it to belong to.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// The verb of an authorization, the operation of an admission, in lower case. A token has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub verb: String,
    /// As kubectl writes it: `configmaps`, `deployments.apps/scale`; or the path of a request to no resource.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource: String,
    /// The namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The object's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Nothing will be stored.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// The object has a secret in it, which a policy's words may quote.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub holds_secrets: bool,
}

/// In characters. Clients choose these words, and they are kept.
const MAX_WORD: usize = 253;

impl Subject {
    /// Whoever a token belongs to.
    pub(crate) fn of_user(username: &str) -> Self {
        Self {
            user: word(username),
            ..Self::default()
        }
    }

    pub(crate) fn of_access(spec: &wire::authorization::Spec) -> Self {
        let user = word(&spec.user);
        if let Some(path) = &spec.non_resource_attributes {
            return Self {
                user,
                verb: word(&path.verb),
                resource: word(&path.path),
                ..Self::default()
            };
        }
        let Some(request) = &spec.resource_attributes else {
            return Self::of_user(&user);
        };
        Self {
            user,
            verb: word(&request.verb),
            resource: resource(&request.resource, &request.group, &request.subresource),
            namespace: word(&request.namespace),
            name: word(&request.name),
            ..Self::default()
        }
    }

    pub(crate) fn of_object(request: &wire::admission::Request<'_>) -> Self {
        let what = &request.resource;
        Self {
            user: word(&request.user_info.username),
            verb: request.operation.to_string().to_lowercase(),
            resource: resource(&what.resource, &what.group, &request.sub_resource),
            namespace: word(&request.namespace),
            name: word(&request.name),
            dry_run: request.dry_run,
            holds_secrets: redact::holds_secrets(&request.kind.kind, &what.resource),
        }
    }
}

fn resource(plural: &str, group: &str, subresource: &str) -> String {
    let mut name = word(plural);
    for (separator, part) in [('.', group), ('/', subresource)] {
        if !part.is_empty() {
            name.push(separator);
            name.push_str(&word(part));
        }
    }
    name
}

/// A word of the client's, fit for a terminal and cut where it is longer than any real one.
fn word(text: &str) -> String {
    text::line(text, MAX_WORD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_resources_as_kubectl_does() {
        assert_eq!(resource("pods", "", ""), "pods");
        assert_eq!(
            resource("deployments", "apps", "scale"),
            "deployments.apps/scale"
        );
    }

    #[test]
    fn cuts_words_that_no_cluster_has() {
        let subject = Subject::of_user(&"ä".repeat(10_000));
        assert_eq!(subject.user.chars().count(), MAX_WORD);
        assert_eq!(Subject::of_user("ja\u{1b}[31mne").user, "ja [31mne");
    }
}
