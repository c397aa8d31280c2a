//! Our own file, `kind: Configuration`: all of it, or the section of one plane where a list of that plane is expected.

use serde_saphyr::Spanned;

use super::Configuration;
use super::error::{ConfigError, ConfigErrors};
use super::read::File;
use super::written::{self, AdmissionPolicyList, AuthenticatorList, AuthorizerList};

const API_VERSION: &str = "k8s-wasm/v1alpha1";
const KIND: &str = "Configuration";

/// A section of the configuration that a file can also consist of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Authentication,
    Authorization,
    Admission,
}

impl Configuration {
    /// Reads a file for all planes.
    pub(super) fn add_configuration(&mut self, file: &File) -> Result<(), ConfigErrors> {
        let header: Header = file.parse()?;
        header.check(file)?;
        self.add_written(file, file.parse()?)
    }

    /// Reads a file for one plane: its list of modules, or a configuration of which the rest is left to others.
    pub(super) fn add_section(
        &mut self,
        file: &File,
        section: Section,
    ) -> Result<(), ConfigErrors> {
        let header: Header = file.parse()?;
        if header.is_there() {
            header.check(file)?;
            return self.add_written(file, section.only(file, file.parse()?)?);
        }
        match section {
            Section::Authentication => {
                let list: AuthenticatorList = file.parse()?;
                self.add_authenticators(file, list.modules)
            }
            Section::Authorization => {
                let list: AuthorizerList = file.parse()?;
                self.add_authorizer_list(file, list)
            }
            Section::Admission => {
                let list: AdmissionPolicyList = file.parse()?;
                self.add_admitter_list(file, list)
            }
        }
    }

    fn add_written(
        &mut self,
        file: &File,
        written: written::Configuration,
    ) -> Result<(), ConfigErrors> {
        let mut errors = Vec::new();
        let mut collect = |prefix: &str, result: Result<(), ConfigErrors>| {
            if let Err(ConfigErrors(more)) = result {
                errors.extend(more.into_iter().map(|error| ConfigError {
                    field: format!("{prefix}{}", error.field),
                    ..error
                }));
            }
        };
        if let Some(engine) = &written.engine {
            collect("engine.", self.set_engine(file, engine));
        }
        let guard = written.lock_out_guard.as_ref();
        collect("", self.add_exemptions(file, guard));
        if let Some(list) = written.authentication {
            collect(
                "authentication.",
                self.add_authenticators(file, list.modules),
            );
        }
        if let Some(list) = written.authorization {
            collect("authorization.", self.add_authorizer_list(file, list));
        }
        if let Some(list) = written.admission {
            collect("admission.", self.add_admitter_list(file, list));
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(ConfigErrors(errors))
        }
    }
}

impl Configuration {
    fn add_authorizer_list(
        &mut self,
        file: &File,
        list: AuthorizerList,
    ) -> Result<(), ConfigErrors> {
        let exempt = self.add_exemptions(file, list.lock_out_guard.as_ref());
        both(exempt, self.add_authorizers(file, list.modules))
    }

    fn add_admitter_list(
        &mut self,
        file: &File,
        list: AdmissionPolicyList,
    ) -> Result<(), ConfigErrors> {
        let exempt = self.add_exemptions(file, list.lock_out_guard.as_ref());
        self.audit_trace |= list.audit_trace.unwrap_or(false);
        both(exempt, self.add_admitters(file, list.modules))
    }
}

/// The errors of both.
fn both(
    one: Result<(), ConfigErrors>,
    other: Result<(), ConfigErrors>,
) -> Result<(), ConfigErrors> {
    match (one, other) {
        (Err(ConfigErrors(mut errors)), Err(ConfigErrors(more))) => {
            errors.extend(more);
            Err(ConfigErrors(errors))
        }
        (one, other) => one.and(other),
    }
}

impl Section {
    fn name(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Authorization => "authorization",
            Self::Admission => "admission",
        }
    }

    /// The configuration without the sections of other planes.
    fn only(
        self,
        file: &File,
        written: written::Configuration,
    ) -> Result<written::Configuration, ConfigError> {
        let is_there = match self {
            Self::Authentication => written.authentication.is_some(),
            Self::Authorization => written.authorization.is_some(),
            Self::Admission => written.admission.is_some(),
        };
        if !is_there {
            return Err(
                file.error_in_file(self.name(), "is missing, and nothing else is read here")
            );
        }
        let authentication = written.authentication;
        let authorization = written.authorization;
        let admission = written.admission;
        Ok(written::Configuration {
            authentication: authentication.filter(|_| self == Self::Authentication),
            authorization: authorization.filter(|_| self == Self::Authorization),
            admission: admission.filter(|_| self == Self::Admission),
            ..written
        })
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
    /// Whether the file says of what kind it is; lists of modules do not.
    fn is_there(&self) -> bool {
        self.api_version.is_some() || self.kind.is_some()
    }

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
