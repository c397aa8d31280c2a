//! Checked identities: the checks of authenticators that kube-apiserver leaves to webhooks.

use wire::authentication::Status;
use wire::meta::UserInfo;

use crate::failure::{Failure, FailureKind};

/// A checked user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: UserInfo,
    /// The audiences that token and request have in common. Empty if the policy does not support
    /// audiences; the token is then valid for the API server's own audiences only.
    pub audiences: Vec<String>,
}

/// The permission of an authenticator to return names that are reserved for Kubernetes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SystemNames {
    /// A response with such a name is a failed call.
    #[default]
    Refused,
    /// Such names are accepted, so the policy can make any user an administrator.
    Granted,
}

/// A checked response of an authenticator.
#[derive(Debug)]
pub(crate) enum Claim {
    /// The token belongs to this user.
    Authenticated(Identity),
    /// The policy does not recognize the token.
    UnknownToken,
    /// The policy recognizes the token, but it is valid for none of the requested audiences.
    AudienceMismatch,
}

/// Checks a response for a token that was presented to the `requested` audiences.
///
/// An identity that breaks a rule is a failed call. Removing the offending part is not an option:
/// a user without a group, or without an extra key that a deny rule looks for, might be allowed
/// more than before.
pub(crate) fn check(
    status: Status,
    system_names: SystemNames,
    requested: &[String],
) -> Result<Claim, Failure> {
    if !status.error.is_empty() {
        return Err(if status.authenticated {
            Failure::response("the status has both `authenticated` and `error`")
        } else {
            Failure::new(FailureKind::Reported, status.error)
        });
    }
    if !status.authenticated {
        return Ok(Claim::UnknownToken);
    }
    let user = status.user.unwrap_or_default();
    check_user(&user, system_names)?;
    Ok(match common_audiences(status.audiences, requested) {
        Some(audiences) => Claim::Authenticated(Identity { user, audiences }),
        None => Claim::AudienceMismatch,
    })
}

fn check_user(user: &UserInfo, system_names: SystemNames) -> Result<(), Failure> {
    if user.username.is_empty() {
        return Err(Failure::response("the user has no name"));
    }
    for key in user.extra.keys() {
        check_extra_key(key)?;
    }
    match system_names {
        SystemNames::Granted => Ok(()),
        SystemNames::Refused => check_system_names(user),
    }
}

fn check_system_names(user: &UserInfo) -> Result<(), Failure> {
    let is_system = |name: &str| name.starts_with("system:");
    let reserved = |kind: &str, name: &str| {
        Failure::response(format!(
            "{kind} `{name}` is reserved for Kubernetes and not granted to this policy"
        ))
    };
    if is_system(&user.username) {
        return Err(reserved("user", &user.username));
    }
    if let Some(group) = user.groups.iter().find(|group| is_system(group)) {
        return Err(reserved("group", group));
    }
    match user.extra.keys().find(|key| is_reserved_key(key)) {
        Some(key) => Err(reserved("extra key", key)),
        None => Ok(()),
    }
}

/// Returns whether an extra key is in a domain that is reserved for Kubernetes, as KEP-3331
/// defines for JWT claims.
fn is_reserved_key(key: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    ["k8s.io", "kubernetes.io"].iter().any(|reserved| {
        domain
            .strip_suffix(reserved)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// Checks the form of an extra key.
///
/// Keys are lower case (`k8s.io/api/authentication/v1/types.go`), because impersonation sends them
/// as HTTP header names. The characters are those of a domain-prefixed path in Kubernetes.
fn check_extra_key(key: &str) -> Result<(), Failure> {
    let problem = match key.split_once('/') {
        _ if key.is_empty() => "is empty",
        _ if key.chars().any(char::is_uppercase) => "is not lower case",
        _ if !key.chars().all(is_key_character) => "contains an invalid character",
        Some((domain, path)) if path.is_empty() || !is_domain(domain) => {
            "is not of the form `domain/name`"
        }
        _ => return Ok(()),
    };
    Err(Failure::response(format!("extra key `{key}` {problem}")))
}

fn is_key_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:".contains(character)
}

fn is_domain(domain: &str) -> bool {
    let is_edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    domain.split('.').all(|label| {
        is_edge(label.chars().next())
            && is_edge(label.chars().next_back())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    })
}

/// Returns the audiences of the response; `None` if the token is for others.
///
/// A policy without support for audiences returns none. The response then has none either, which
/// kube-apiserver takes as its own audiences. An empty intersection must therefore never be
/// returned as a list.
fn common_audiences(token: Vec<String>, requested: &[String]) -> Option<Vec<String>> {
    if token.is_empty() || requested.is_empty() {
        return Some(token);
    }
    let common: Vec<String> = requested
        .iter()
        .filter(|audience| token.contains(audience))
        .cloned()
        .collect();
    (!common.is_empty()).then_some(common)
}
