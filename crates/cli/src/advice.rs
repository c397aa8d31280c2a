//! What is allowed in a configuration and hardly meant.

use access::authn::SystemNames;
use access::authz::OnFailure;
use access::{Mode, Plane, PolicyName};
use host::{Configuration, Host, PolicyEntryPoint};
use wire::EntryPoint;

/// Something to think about.
#[derive(Debug)]
pub(crate) struct Advice {
    /// The policy.
    pub(crate) policy: PolicyName,
    /// A sentence.
    pub(crate) text: &'static str,
}

/// What is worth a warning in a configuration that loads.
pub(crate) fn of(configuration: &Configuration, host: &Host) -> Vec<Advice> {
    let without_rules = configuration
        .admission
        .iter()
        .filter(|entry| entry.rules.is_empty())
        .map(|entry| Advice {
            policy: entry.policy.name.clone(),
            text: "has no rules, so it is never asked",
        });
    let validates = host.policies().filter(|policy| {
        policy.plane == Plane::Mutation
            && policy.entry_point == PolicyEntryPoint::Function(EntryPoint::Validate)
    });
    let asked_to_validate = validates.map(|policy| Advice {
        policy: policy.name,
        text: "is mutating, but its module has no `mutate`: it is asked by `validate`",
    });
    let trusted = configuration.authentication.iter().filter(|entry| entry.mode == Mode::Protect && entry.system_names == SystemNames::Granted).map(|entry| Advice {
        policy: entry.policy.name.clone(),
        text: "may answer with names that begin with `system:`, so it can make anybody an administrator",
    });
    let vetoing = configuration.authorization.iter();
    let vetoing = vetoing.filter(|entry| entry.mode == Mode::Protect && entry.on_failure == OnFailure::Deny).map(|entry| Advice {
        policy: entry.policy.name.clone(),
        text: "denies whatever it is asked when it fails, and so does the API server when this server is away",
    });
    trusted
        .chain(vetoing)
        .chain(without_rules)
        .chain(asked_to_validate)
        .collect()
}
