//! From what is written to what is meant, plane by plane, and for the engine.

use std::num::NonZeroU32;

use access::{Mode, authn, authz};

use super::error::ConfigErrors;
use super::read::File;
use super::resolve::{Resolver, byte_size, unique};
use super::{
    AdmissionPolicy, Asked, Authenticator, Authorizer, Configuration, Dialect, Guarded, written,
};

impl Configuration {
    pub(super) fn add_authenticators(
        &mut self,
        file: &File,
        entries: Vec<written::Authenticator>,
    ) -> Result<(), ConfigErrors> {
        let resolver = Resolver::new(file, &self.engine);
        self.authentication
            .extend(resolver.all(entries, |entry, at, errors| {
                Some(Authenticator {
                    policy: resolver.policy(&entry.common(), None, at, errors)?,
                    system_names: match entry.allow_system_names {
                        Some(true) => authn::SystemNames::Granted,
                        Some(false) | None => authn::SystemNames::Refused,
                    },
                    mode: entry.policy_mode.map(Mode::from).unwrap_or_default(),
                })
            })?);
        unique(file, self.authentication.iter().map(|entry| &entry.policy))
    }

    pub(super) fn add_authorizers(
        &mut self,
        file: &File,
        entries: Vec<written::Authorizer>,
    ) -> Result<(), ConfigErrors> {
        let resolver = Resolver::new(file, &self.engine);
        self.authorization
            .extend(resolver.all(entries, |entry, at, errors| {
                Some(Authorizer {
                    policy: resolver.policy(&entry.common(), None, at, errors)?,
                    on_failure: match entry.failure_policy {
                        None | Some(written::AuthorizationFailurePolicy::NoOpinion) => {
                            authz::OnFailure::NoOpinion
                        }
                        Some(written::AuthorizationFailurePolicy::Deny) => authz::OnFailure::Deny,
                    },
                    mode: entry.policy_mode.map(Mode::from).unwrap_or_default(),
                })
            })?);
        unique(file, self.authorization.iter().map(|entry| &entry.policy))
    }

    pub(super) fn add_admitters(
        &mut self,
        file: &File,
        entries: Vec<written::AdmissionPolicy>,
    ) -> Result<(), ConfigErrors> {
        let resolver = Resolver::new(file, &self.engine);
        self.admission
            .extend(resolver.all(entries, |entry, at, errors| {
                let dialect = entry.r#type.map(|written| match written {
                    written::ModuleType::Wasi => Dialect::Wasi,
                    written::ModuleType::Kubewarden => Dialect::Kubewarden,
                });
                let policy = resolver.policy(&entry.common(), dialect, at, errors);
                let kubewarden = resolver.kubewarden(&entry, at, errors);
                let rules = resolver.rules(entry.rules.as_deref().unwrap_or_default(), at, errors);
                let kubewarden = kubewarden?;
                Some(AdmissionPolicy {
                    guarded: Guarded::with(&kubewarden),
                    policy: policy?,
                    mutating: entry.mutating.unwrap_or(false),
                    rules,
                    on_failure: match entry.failure_policy {
                        None | Some(written::AdmissionFailurePolicy::Fail) => {
                            access::admission::OnFailure::Fail
                        }
                        Some(written::AdmissionFailurePolicy::Ignore) => {
                            access::admission::OnFailure::Ignore
                        }
                    },
                    mode: entry.policy_mode.map(Mode::from).unwrap_or_default(),
                    asked: Asked::Module(kubewarden),
                })
            })?);
        unique(file, self.admission.iter().map(|entry| &entry.policy))
    }

    pub(super) fn set_engine(
        &mut self,
        file: &File,
        written: &written::Engine,
    ) -> Result<(), ConfigErrors> {
        if let Some(calls) = &written.concurrent_calls {
            self.engine.concurrent_calls = NonZeroU32::new(calls.value).ok_or_else(|| {
                file.error(
                    calls,
                    "concurrentCalls",
                    "must be at least 1: with 0 no call could ever run",
                )
            })?;
        }
        if let Some(calls) = written.waiting_calls {
            self.engine.waiting_calls = calls;
        }
        if let Some(size) = &written.memory_max {
            self.engine.memory_max =
                byte_size(size).map_err(|message| file.error(size, "memoryMax", message))?;
        }
        Ok(())
    }
}
