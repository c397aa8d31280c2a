//! From what is written to what is meant, for what policies of every plane have: names, settings, timeouts, limits.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use access::PolicyName;
use engine::ByteSize;
use serde_saphyr::Spanned;

use super::error::{ConfigError, ConfigErrors};
use super::read::File;
use super::written::{self, Common};
use super::{Dialect, Policy, units};

/// How long a call may take when the configuration says nothing. Calls take microseconds; a second is for the module that
/// has met an enormous object, and still well below the 10 seconds that kube-apiserver grants an admission webhook.
pub(crate) const TIMEOUT_DEFAULT: Duration = Duration::from_secs(1);

/// The longest timeout that can be configured: kube-apiserver waits for no webhook longer than 30 seconds.
pub(super) const TIMEOUT_MAX: Duration = Duration::from_secs(30);

pub(super) struct Resolver<'a> {
    pub(super) file: &'a File,
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
    pub(super) fn all<W, M>(
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
}

pub(super) fn byte_size(written: &Spanned<String>) -> Result<ByteSize, String> {
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
