//! From what is written to what is meant: defaults, units, names, rules.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use access::admission::Mode;
use access::{PolicyName, authn, authz, rules::Rule};
use capabilities::{Grants, KubernetesResource, PatternError};
use engine::ByteSize;
use serde_saphyr::Spanned;

use super::error::{ConfigError, ConfigErrors};
use super::read::File;
use super::written::{self, Common};
use super::{
    Admitter, Asked, Authenticator, Authorizer, Configuration, Dialect, Kubewarden, Policy, units,
};

const API_VERSION: &str = "k8s-wasm/v1alpha1";
const KIND: &str = "Configuration";

/// How long a call may take when the configuration says nothing. Calls take microseconds; a second is for the module that
/// has met an enormous object, and still well below the 10 seconds that kube-apiserver grants an admission webhook.
pub(crate) const TIMEOUT_DEFAULT: Duration = Duration::from_secs(1);

/// The longest timeout that can be configured: kube-apiserver waits for no webhook longer than 30 seconds.
pub(super) const TIMEOUT_MAX: Duration = Duration::from_secs(30);

impl Configuration {
    pub(super) fn add_configuration(&mut self, file: &File) -> Result<(), ConfigErrors> {
        let header: Header = file.parse()?;
        header.check(file)?;
        let written: written::Configuration = file.parse()?;
        let mut errors = Vec::new();
        let mut collect = |result: Result<(), ConfigErrors>| {
            if let Err(more) = result {
                errors.extend(more.0);
            }
        };
        if let Some(engine) = &written.engine {
            collect(self.set_engine(file, engine));
        }
        if let Some(list) = written.authentication {
            collect(prefixed(
                "authentication.",
                self.add_authenticators(file, list.modules),
            ));
        }
        if let Some(list) = written.authorization {
            collect(prefixed(
                "authorization.",
                self.add_authorizers(file, list.modules),
            ));
        }
        if let Some(list) = written.admission {
            collect(prefixed(
                "admission.",
                self.add_admitters(file, list.modules),
            ));
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(ConfigErrors(errors))
        }
    }

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
                        None | Some(written::AuthorizerFailurePolicy::NoOpinion) => {
                            authz::OnFailure::NoOpinion
                        }
                        Some(written::AuthorizerFailurePolicy::Deny) => authz::OnFailure::Deny,
                    },
                })
            })?);
        unique(file, self.authorization.iter().map(|entry| &entry.policy))
    }

    pub(super) fn add_admitters(
        &mut self,
        file: &File,
        entries: Vec<written::Admitter>,
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
                Some(Admitter {
                    policy: policy?,
                    mutating: entry.mutating.unwrap_or(false),
                    rules,
                    on_failure: match entry.failure_policy {
                        None | Some(written::AdmitterFailurePolicy::Fail) => {
                            access::admission::OnFailure::Fail
                        }
                        Some(written::AdmitterFailurePolicy::Ignore) => {
                            access::admission::OnFailure::Ignore
                        }
                    },
                    mode: entry.policy_mode.map(Mode::from).unwrap_or_default(),
                    asked: Asked::Module(kubewarden?),
                })
            })?);
        unique(file, self.admission.iter().map(|entry| &entry.policy))
    }

    fn set_engine(&mut self, file: &File, written: &written::Engine) -> Result<(), ConfigErrors> {
        if let Some(calls) = &written.concurrent_calls {
            self.engine.concurrent_calls = NonZeroU32::new(calls.value).ok_or_else(|| {
                file.error(
                    calls,
                    "engine.concurrentCalls",
                    "must be at least 1: with 0 no call could ever run",
                )
            })?;
        }
        if let Some(calls) = written.waiting_calls {
            self.engine.waiting_calls = calls;
        }
        if let Some(size) = &written.memory_max {
            self.engine.memory_max =
                byte_size(size).map_err(|message| file.error(size, "engine.memoryMax", message))?;
        }
        Ok(())
    }
}

/// What tells one kind of file from another; read before the rest so that the wrong file is named as such.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    api_version: Option<Spanned<String>>,
    kind: Option<Spanned<String>>,
    modules: Option<serde::de::IgnoredAny>,
}

impl Header {
    fn check(&self, file: &File) -> Result<(), ConfigError> {
        let header = [
            ("apiVersion", self.api_version.as_ref(), API_VERSION),
            ("kind", self.kind.as_ref(), KIND),
        ];
        for (field, written, expected) in header {
            let error = match written {
                Some(written) if written.value == expected => continue,
                Some(written) => file.error(
                    written,
                    field,
                    format!("is `{}`, expected `{expected}`", written.value),
                ),
                None => file.error_in_file(field, format!("is missing, expected `{expected}`")),
            };
            return Err(ConfigError {
                hint: self.hint(),
                ..error
            });
        }
        Ok(())
    }

    fn hint(&self) -> Option<String> {
        let admission = self
            .kind
            .as_ref()
            .is_some_and(|kind| kind.value == "AdmissionConfiguration");
        if admission {
            Some(
                "an AdmissionConfiguration is read by `--admission-control-config-file`".to_owned(),
            )
        } else {
            self.modules.as_ref().map(|_| {
                "a list of `modules:` is read by `--authentication-wasm-config-file` or \
                 `--authorization-wasm-config-file`"
                    .to_owned()
            })
        }
    }
}

pub(super) struct Resolver<'a> {
    file: &'a File,
    memory_max: ByteSize,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(file: &'a File, engine: &engine::Options) -> Self {
        Self {
            file,
            memory_max: engine.memory_max,
        }
    }

    /// Resolves every entry, and tells all that is wrong with all of them.
    fn all<W, M>(
        &self,
        entries: Vec<W>,
        resolve: impl Fn(W, &str, &mut Vec<ConfigError>) -> Option<M>,
    ) -> Result<Vec<M>, ConfigErrors> {
        let mut errors = Vec::new();
        let found: Vec<M> = entries
            .into_iter()
            .enumerate()
            .filter_map(|(index, entry)| resolve(entry, &format!("modules[{index}]"), &mut errors))
            .collect();
        if errors.is_empty() {
            Ok(found)
        } else {
            Err(ConfigErrors(errors))
        }
    }

    /// What an entry says that is for Kubewarden policies.
    fn kubewarden(
        &self,
        entry: &written::Admitter,
        at: &str,
        errors: &mut Vec<ConfigError>,
    ) -> Option<Kubewarden> {
        let theirs = [
            ("executionMode", entry.execution_mode.is_some()),
            ("hostCapabilities", entry.host_capabilities.is_some()),
            (
                "contextAwareResources",
                entry.context_aware_resources.is_some(),
            ),
            ("message", entry.message.is_some()),
        ];
        if let (Some(written::ModuleType::Wasi), Some((field, _))) =
            (entry.r#type, theirs.iter().find(|(_, is_there)| *is_there))
        {
            let message = "is for Kubewarden policies, but the policy says `type: wasi`";
            errors.push(
                self.file
                    .error(&entry.module, format!("{at}.{field}"), message),
            );
            return None;
        }
        let resources = entry.context_aware_resources.iter().flatten();
        let grants = grants(entry.host_capabilities.as_deref(), resources)
            .map_err(|error| {
                let field = format!("{at}.hostCapabilities");
                errors.push(self.file.error(&entry.module, field, error.to_string()));
            })
            .ok()?;
        Some(Kubewarden {
            execution_mode: entry.execution_mode.map(kubewarden::ExecutionMode::from),
            grants,
            message: entry.message.clone(),
        })
    }

    pub(super) fn policy(
        &self,
        written: &Common<'_>,
        dialect: Option<Dialect>,
        at: &str,
        errors: &mut Vec<ConfigError>,
    ) -> Option<Policy> {
        let known = errors.len();
        let name = self
            .name(written, at)
            .map_err(|error| errors.push(error))
            .ok();
        if written.module.value.is_empty() {
            errors.push(self.file.error(
                written.module,
                format!("{at}.module"),
                "is empty, expected a file",
            ));
        }
        let timeout = match written.timeout {
            Some(text) => self
                .timeout(text, at)
                .map_err(|error| errors.push(error))
                .ok(),
            None => Some(TIMEOUT_DEFAULT),
        };
        let limits = self.limits(written.limits, at, errors);
        let settings = self
            .settings(written, at)
            .map_err(|error| errors.push(error))
            .ok();
        if errors.len() > known {
            return None;
        }
        Some(Policy {
            name: name?,
            module: self.file.resolve(&written.module.value),
            settings: settings?,
            timeout: timeout?,
            limits,
            debug: written.debug.unwrap_or(false),
            dialect,
            position: self.file.position(written.module.referenced),
        })
    }

    fn name(&self, written: &Common<'_>, at: &str) -> Result<PolicyName, ConfigError> {
        let (text, place) = match written.name {
            Some(name) => (name.value.as_str(), name),
            None => {
                let path = Path::new(&written.module.value);
                (
                    path.file_name()
                        .and_then(|name| name.to_str())
                        .unwrap_or_default(),
                    written.module,
                )
            }
        };
        text.parse()
            .map_err(|error: access::InvalidName| ConfigError {
                hint: written
                    .name
                    .is_none()
                    .then(|| "give the policy a `name`".to_owned()),
                ..self
                    .file
                    .error(place, format!("{at}.name"), error.to_string())
            })
    }

    fn settings(
        &self,
        written: &Common<'_>,
        at: &str,
    ) -> Result<Option<Box<wire::RawValue>>, ConfigError> {
        written
            .settings
            .map(wire::to_raw_value)
            .transpose()
            .map_err(|error| {
                self.file
                    .error(written.module, format!("{at}.settings"), error.to_string())
            })
    }

    fn timeout(&self, written: &Spanned<String>, at: &str) -> Result<Duration, ConfigError> {
        let field = format!("{at}.timeout");
        let timeout = units::parse_duration(&written.value)
            .map_err(|message| self.file.error(written, field.clone(), message))?;
        if timeout > TIMEOUT_MAX {
            let message = format!(
                "is {}, at most {} make sense: the API server waits no longer",
                written.value,
                units::format_duration(TIMEOUT_MAX)
            );
            return Err(self.file.error(written, field, message));
        }
        Ok(timeout)
    }

    fn limits(
        &self,
        written: Option<&written::Limits>,
        at: &str,
        errors: &mut Vec<ConfigError>,
    ) -> engine::Limits {
        let mut limits = engine::Limits::default();
        let Some(written) = written else {
            return limits;
        };
        let fields = [
            ("memory", written.memory.as_ref(), &mut limits.memory),
            ("input", written.input.as_ref(), &mut limits.stdin),
            ("output", written.output.as_ref(), &mut limits.stdout),
            ("log", written.log.as_ref(), &mut limits.stderr),
        ];
        for (field, text, limit) in fields {
            let Some(text) = text else { continue };
            let size = byte_size(text).and_then(|size| match field {
                "memory" if size > self.memory_max => Err(format!(
                    "is {size}, more than `engine.memoryMax` ({})",
                    self.memory_max
                )),
                _ => Ok(size),
            });
            match size {
                Ok(size) => *limit = size,
                Err(message) => {
                    errors.push(
                        self.file
                            .error(text, format!("{at}.limits.{field}"), message),
                    );
                }
            }
        }
        limits
    }

    fn rules(
        &self,
        written: &[written::Rule],
        at: &str,
        errors: &mut Vec<ConfigError>,
    ) -> Vec<Rule> {
        let mut rules = Vec::with_capacity(written.len());
        for (index, rule) in written.iter().enumerate() {
            match Rule::new(
                &rule.operations.value,
                &rule.api_groups,
                &rule.api_versions,
                &rule.resources,
                rule.scope.as_deref(),
            ) {
                Ok(rule) => rules.push(rule),
                Err(error) => errors.push(self.file.error(
                    &rule.operations,
                    format!("{at}.rules[{index}]"),
                    error.to_string(),
                )),
            }
        }
        rules
    }
}

/// What a policy may ask of the host.
pub(super) fn grants<'r>(
    capabilities: Option<&[String]>,
    resources: impl Iterator<Item = &'r written::KubernetesResource>,
) -> Result<Arc<Grants>, PatternError> {
    let resources = resources.map(|resource| KubernetesResource {
        api_version: resource.api_version.clone(),
        kind: resource.kind.clone(),
    });
    Grants::new(capabilities.unwrap_or_default(), resources).map(Arc::new)
}

impl From<written::PolicyMode> for Mode {
    fn from(written: written::PolicyMode) -> Self {
        match written {
            written::PolicyMode::Protect => Self::Protect,
            written::PolicyMode::Monitor => Self::Monitor,
        }
    }
}

impl From<written::ExecutionMode> for kubewarden::ExecutionMode {
    fn from(written: written::ExecutionMode) -> Self {
        match written {
            written::ExecutionMode::Wapc => Self::Wapc,
            written::ExecutionMode::Wasi => Self::Wasi,
            written::ExecutionMode::Opa => Self::Opa,
            written::ExecutionMode::Gatekeeper => Self::Gatekeeper,
        }
    }
}

fn byte_size(written: &Spanned<String>) -> Result<ByteSize, String> {
    let size: ByteSize = written
        .value
        .parse()
        .map_err(|error: engine::ParseByteSizeError| error.to_string())?;
    if size.bytes() == 0 {
        Err("must be more than zero".to_owned())
    } else {
        Ok(size)
    }
}

/// Within one plane a name means one policy: URLs, logs and metrics go by it.
pub(super) fn unique<'a>(
    file: &File,
    policies: impl Iterator<Item = &'a Policy>,
) -> Result<(), ConfigErrors> {
    let mut seen: HashMap<&PolicyName, &Policy> = HashMap::new();
    let mut errors = Vec::new();
    for policy in policies {
        if let Some(first) = seen.insert(&policy.name, policy) {
            errors.push(ConfigError {
                position: policy.position.clone(),
                hint: Some("give one of them another `name`".to_owned()),
                ..file.error_in_file(
                    "modules",
                    format!(
                        "the name `{}` is taken by the policy at {}",
                        policy.name, first.position
                    ),
                )
            });
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(ConfigErrors(errors))
    }
}

fn prefixed(prefix: &str, result: Result<(), ConfigErrors>) -> Result<(), ConfigErrors> {
    result.map_err(|ConfigErrors(errors)| {
        let prefix = |error: ConfigError| ConfigError {
            field: format!("{prefix}{}", error.field),
            ..error
        };
        ConfigErrors(errors.into_iter().map(prefix).collect())
    })
}
