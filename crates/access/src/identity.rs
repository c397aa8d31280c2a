//! What an authenticator may say about a user: the checks that kube-apiserver leaves to the webhook.

use wire::authentication::Status;
use wire::meta::UserInfo;

use crate::authn::{Identity, SystemNames};
use crate::failure::{Failure, FailureKind};

/// What an authenticator's answer says, once it is checked.
#[derive(Debug)]
pub(crate) enum Claim {
    /// The token is this user's.
    Mine(Identity),
    /// The policy does not know the token.
    UnknownToken,
    /// The policy knows the token, but it is for none of the audiences asked for.
    AudienceMismatch,
}

/// Checks an answer to a token that is presented to the `wanted` audiences.
///
/// An identity that breaks a rule is a failed call, never one with the offending part left out: a user who silently
/// lost a group, or an extra key that a deny rule looks for, may be allowed more than before.
pub(crate) fn check(
    status: Status,
    system_names: SystemNames,
    wanted: &[String],
) -> Result<Claim, Failure> {
    if !status.error.is_empty() {
        return Err(if status.authenticated {
            Failure::answer("the token is authenticated and in error at once")
        } else {
            Failure::new(FailureKind::Reported, status.error)
        });
    }
    if !status.authenticated {
        return Ok(Claim::UnknownToken);
    }
    let user = status.user.unwrap_or_default();
    check_user(&user, system_names)?;
    Ok(match common(status.audiences, wanted) {
        Some(audiences) => Claim::Mine(Identity { user, audiences }),
        None => Claim::AudienceMismatch,
    })
}

fn check_user(user: &UserInfo, system_names: SystemNames) -> Result<(), Failure> {
    if user.username.is_empty() {
        return Err(Failure::answer("the user has no name"));
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
    let told = |what: &str, name: &str| {
        Failure::answer(format!(
            "{what} `{name}` belongs to Kubernetes and is not granted to this policy"
        ))
    };
    if is_system(&user.username) {
        return Err(told("user", &user.username));
    }
    if let Some(group) = user.groups.iter().find(|group| is_system(group)) {
        return Err(told("group", group));
    }
    match user.extra.keys().find(|key| is_of_kubernetes(key)) {
        Some(key) => Err(told("extra key", key)),
        None => Ok(()),
    }
}

/// Whether an extra key is in a domain that Kubernetes keeps for itself, as KEP-3331 does for JWT claims.
fn is_of_kubernetes(key: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    ["k8s.io", "kubernetes.io"].iter().any(|reserved| {
        domain
            .strip_suffix(reserved)
            .is_some_and(|left| left.is_empty() || left.ends_with('.'))
    })
}

/// Extra keys are lower-case (`k8s.io/api/authentication/v1/types.go`), because they travel as HTTP header names in
/// impersonation; the characters are those that Kubernetes takes in a domain-prefixed path.
fn check_extra_key(key: &str) -> Result<(), Failure> {
    let problem = match key.split_once('/') {
        _ if key.is_empty() => "is empty",
        _ if key.chars().any(char::is_uppercase) => "is not lower-case",
        _ if !key.chars().all(is_key_character) => "has a character that is not allowed",
        Some((domain, path)) if path.is_empty() || !is_domain(domain) => {
            "is not of the form `domain/name`"
        }
        _ => return Ok(()),
    };
    Err(Failure::answer(format!("extra key `{key}` {problem}")))
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

/// The audiences to answer with; `None` when the token is for others.
///
/// A policy that knows no audiences names none. The answer then names none either, which kube-apiserver takes for its
/// own audiences. That is also why an empty intersection must never be answered as such.
fn common(token: Vec<String>, wanted: &[String]) -> Option<Vec<String>> {
    if token.is_empty() || wanted.is_empty() {
        return Some(token);
    }
    let common: Vec<String> = wanted
        .iter()
        .filter(|audience| token.contains(audience))
        .cloned()
        .collect();
    (!common.is_empty()).then_some(common)
}
