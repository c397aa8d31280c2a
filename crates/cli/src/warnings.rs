//! Warnings about settings that are valid but probably unintended.

use access::authn::SystemNames;
use access::authz::OnFailure;
use access::{Mode, Plane, PolicyName};
use host::{Configuration, Host, PolicyEntryPoint};
use wire::EntryPoint;

/// A warning about a policy.
#[derive(Debug)]
pub(crate) struct Warning {
    pub(crate) policy: PolicyName,
    /// The rest of a sentence that begins with the name of the policy.
    pub(crate) text: &'static str,
}

/// Returns the warnings about a configuration that has been loaded.
pub(crate) fn find(configuration: &Configuration, host: &Host) -> Vec<Warning> {
    let warning = |policy: &PolicyName, text| Warning {
        policy: policy.clone(),
        text,
    };
    let grants_system_names = configuration
        .authentication
        .iter()
        .filter(|entry| entry.mode == Mode::Protect && entry.system_names == SystemNames::Granted)
        .map(|entry| {
            let text = "may return names that begin with `system:`, and so make any user an \
                        administrator";
            warning(&entry.policy.name, text)
        });
    let denies_on_failure = configuration
        .authorization
        .iter()
        .filter(|entry| entry.mode == Mode::Protect && entry.on_failure == OnFailure::Deny)
        .map(|entry| {
            let text = "denies every request when it fails; kube-apiserver does the same when this \
                        server is unavailable";
            warning(&entry.policy.name, text)
        });
    let has_no_rules = configuration
        .admission
        .iter()
        .filter(|entry| entry.rules.is_empty())
        .map(|entry| {
            let text = "has no rules and is never evaluated";
            warning(&entry.policy.name, text)
        });
    let does_not_mutate = host
        .policies()
        .filter(|policy| {
            policy.plane == Plane::Mutation
                && policy.entry_point == PolicyEntryPoint::Function(EntryPoint::Validate)
        })
        .map(|policy| {
            let text =
                "is mutating, but its module exports only `validate`, which is called instead";
            warning(&policy.name, text)
        });
    grants_system_names
        .chain(denies_on_failure)
        .chain(has_no_rules)
        .chain(does_not_mutate)
        .collect()
}
