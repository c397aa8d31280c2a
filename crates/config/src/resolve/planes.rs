//! From the fields of a file to resolved types: authenticators, authorizers, engine and exemptions.

use std::num::NonZeroU32;

use access::{Mode, authn, authz};

use super::{all, policy, size};
use crate::diagnostics::{ConfigErrors, Diagnostics};
use crate::document::Scope;
use crate::exemptions::Exemptions;
use crate::resolved::{Authenticator, Authorizer};
use crate::spec;

/// Resolves authenticators. The engine bounds their memory.
pub(crate) fn authenticators(
    scope: &Scope<'_>,
    entries: Vec<spec::Authenticator>,
    engine: &engine::Options,
) -> Result<Vec<Authenticator>, ConfigErrors> {
    all(scope, entries, |scope, entry| {
        Ok(Authenticator {
            policy: policy(scope, &entry.common(), engine.max_memory)?,
            module: scope.document().resolve_path(&entry.module.value),
            system_names: if entry.allow_system_names.unwrap_or(false) {
                authn::SystemNames::Granted
            } else {
                authn::SystemNames::Refused
            },
            mode: mode(entry.policy_mode),
        })
    })
}

/// Resolves authorizers. The engine bounds their memory.
pub(crate) fn authorizers(
    scope: &Scope<'_>,
    entries: Vec<spec::Authorizer>,
    engine: &engine::Options,
) -> Result<Vec<Authorizer>, ConfigErrors> {
    all(scope, entries, |scope, entry| {
        Ok(Authorizer {
            policy: policy(scope, &entry.common(), engine.max_memory)?,
            module: scope.document().resolve_path(&entry.module.value),
            on_failure: match entry.failure_policy {
                None | Some(spec::AuthorizationFailurePolicy::NoOpinion) => {
                    authz::OnFailure::NoOpinion
                }
                Some(spec::AuthorizationFailurePolicy::Deny) => authz::OnFailure::Deny,
            },
            mode: mode(entry.policy_mode),
        })
    })
}

pub(crate) fn mode(spec: Option<spec::PolicyMode>) -> Mode {
    match spec {
        None | Some(spec::PolicyMode::Protect) => Mode::Protect,
        Some(spec::PolicyMode::Monitor) => Mode::Monitor,
    }
}

/// Resolves the options of the engine; fields that are absent keep their value from `before`.
pub(crate) fn engine(
    scope: &Scope<'_>,
    spec: &spec::Engine,
    before: &engine::Options,
) -> Result<engine::Options, ConfigErrors> {
    let mut options = before.clone();
    let mut diagnostics = Diagnostics::default();
    if let Some(calls) = &spec.max_concurrent_calls {
        let count = NonZeroU32::new(calls.value).ok_or_else(|| {
            let message = "must be at least 1: with 0, no call could run";
            scope.field("maxConcurrentCalls").error(calls, message)
        });
        diagnostics
            .take(count)
            .inspect(|count| options.max_concurrent_calls = *count);
    }
    if let Some(calls) = spec.max_queued_calls {
        options.max_queued_calls = calls;
    }
    if let Some(spec) = &spec.max_memory {
        diagnostics
            .take(size(&scope.field("maxMemory"), spec))
            .inspect(|size| options.max_memory = *size);
    }
    diagnostics.finish(options)
}

/// Resolves exemptions from the lock-out guard.
pub(crate) fn exemptions(
    scope: &Scope<'_>,
    spec: Option<&spec::LockOutGuard>,
) -> Result<Exemptions, ConfigErrors> {
    let scope = scope.field("lockOutGuard").field("exempt");
    let mut exemptions = Exemptions::default();
    let mut diagnostics = Diagnostics::default();
    let names = spec.iter().flat_map(|guard| &guard.exempt);
    for (index, name) in names.enumerate() {
        let added = exemptions.add(&name.value).map_err(|unknown| {
            let hint = unknown.nearest;
            scope
                .item(index)
                .error(name, unknown.to_string())
                .with_hint(hint.map(|name| format!("did you mean `{name}`?")))
        });
        diagnostics.take(added);
    }
    diagnostics.finish(exemptions)
}
