//! Configuration as meant: what a file says, in types that cannot be invalid.
//!
//! Two layers. [`written`] is what people write, field by field, with nothing checked but the shape; this module is what
//! it means. Everything is checked on the way from one to the other, once, and nothing is checked again later.

mod admission;
mod error;
mod guard;
mod original;
mod planes;
mod policies;
mod read;
pub mod reference;
mod resolve;
mod sections;
pub mod units;
pub mod written;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use access::{Mode, PolicyName, authn, authz, rules::Rule};
use capabilities::Grants;
use wire::RawValue;

use crate::footprint::Footprint;
use crate::lockout::Exempt;
use read::File;
use sections::Section;

pub(crate) use error::nearest;
pub use error::{ConfigError, ConfigErrors, Position};

/// Everything a [`crate::Host`] is built from.
#[derive(Debug, Clone, Default)]
pub struct Configuration {
    /// The authenticators, in the order in which they are asked.
    pub authentication: Vec<Authenticator>,
    /// The authorizers, in the order in which they are asked.
    pub authorization: Vec<Authorizer>,
    /// The admission policies, mutating and validating, in the order in which they are asked.
    pub admission: Vec<AdmissionPolicy>,
    /// Whether answers of admission carry the trace, in short, for the audit log.
    pub audit_trace: bool,
    /// How the engine is dimensioned.
    pub engine: engine::Options,
    /// What the lock-out guard does not ask about.
    pub lock_out_exempt: Exempt,
}

/// What every policy has, whatever it decides.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The name that logs, traces and rejections show.
    pub name: PolicyName,
    /// Where the module's bytes are.
    pub module: PathBuf,
    /// What the module is handed with each call, as JSON.
    pub settings: Option<Box<RawValue>>,
    /// The longest a call may take.
    pub timeout: Duration,
    /// The most a call may use.
    pub limits: engine::Limits,
    /// Whether input and output of calls are logged, secrets removed.
    pub debug: bool,
    /// The dialect that the configuration insists on.
    pub dialect: Option<Dialect>,
    /// Where the policy stands in the configuration.
    pub position: Position,
}

/// A policy that decides who a caller is.
#[derive(Debug, Clone)]
pub struct Authenticator {
    /// What every policy has.
    pub policy: Policy,
    /// Whether it may answer with names and groups that start with `system:`.
    pub system_names: authn::SystemNames,
    /// Whether its answers count.
    pub mode: Mode,
}

/// A policy that decides what a caller may do.
#[derive(Debug, Clone)]
pub struct Authorizer {
    /// What every policy has.
    pub policy: Policy,
    /// What a failed call means.
    pub on_failure: authz::OnFailure,
    /// Whether its answers count.
    pub mode: Mode,
}

/// A policy that decides which objects may be stored, and in what form.
#[derive(Debug, Clone)]
pub struct AdmissionPolicy {
    /// What every policy has.
    pub policy: Policy,
    /// Whether it may change objects.
    pub mutating: bool,
    /// The requests it is asked about. Empty: none.
    pub rules: Vec<Rule>,
    /// What a failed call means.
    pub on_failure: access::admission::OnFailure,
    /// Whether its answers count.
    pub mode: Mode,
    /// What is asked.
    pub asked: Asked,
    /// Whether the lock-out guard asks it.
    pub guarded: Guarded,
}

/// Whether the lock-out guard asks an admission policy what a cluster needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Guarded {
    /// It does.
    #[default]
    Yes,
    /// It does not: the policy may ask a cluster or a registry, and there may be none yet.
    MayCallHost,
    /// It does not: which requests the policy is asked about is not in the file but in the cluster's webhook configurations.
    RulesElsewhere,
}

/// What an admission policy is made of.
#[derive(Debug, Clone)]
pub enum Asked {
    /// One module.
    Module(Kubewarden),
    /// Several Kubewarden policies and an expression over them; the policy's own `module` means nothing.
    Group(Group),
}

/// What the configuration says of a policy that only matters when it is one of Kubewarden.
#[derive(Debug, Clone, Default)]
pub struct Kubewarden {
    /// How it is run; none: as its metadata or exports say.
    pub execution_mode: Option<kubewarden::ExecutionMode>,
    /// What it may ask of the host.
    pub grants: Arc<Grants>,
    /// What rejections say instead of its own message.
    pub message: Option<String>,
}

/// A group of Kubewarden policies.
#[derive(Debug, Clone)]
pub struct Group {
    /// The boolean expression over the members' names.
    pub expression: String,
    /// What a rejection says.
    pub message: String,
    /// The members.
    pub members: Vec<GroupMember>,
}

/// A policy of a group.
#[derive(Debug, Clone)]
pub struct GroupMember {
    /// How the expression calls it.
    pub name: String,
    /// What every policy has.
    pub policy: Policy,
    /// What it may, and how it is run.
    pub kubewarden: Kubewarden,
}

/// What the bytes that a module reads and writes mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// The specification of this project, `spec/module.md`.
    Wasi,
    /// Kubewarden policies.
    Kubewarden,
}

/// A part of the configuration: how it is written, and where.
#[derive(Debug, Clone)]
pub struct Source {
    /// How it is written.
    pub format: Format,
    /// The file. Errors name it, and relative paths in it are relative to its folder.
    pub path: PathBuf,
    /// What is read instead of the file, when the caller has the text already.
    pub text: Option<Vec<u8>>,
}

/// How a part of the configuration is written.
///
/// Where a list of one plane is expected, a whole [`Format::Configuration`] will do, too: then that plane's section is read,
/// and the one of the engine. So one file can serve each of the original flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// One file for everything, `kind: Configuration`.
    Configuration,
    /// The original list of authenticators, `modules:`.
    Authentication,
    /// The original list of authorizers, `modules:`.
    Authorization,
    /// The original `AdmissionConfiguration` with the plugin `WASM`.
    Admission,
    /// What that plugin is configured with, by itself: a list of admission policies, `modules:`.
    AdmissionPlugin,
    /// The `policies.yml` of Kubewarden's policy-server.
    Policies {
        /// Where `kwctl pull` keeps modules, to find those that are named by a URI.
        store: Option<PathBuf>,
    },
}

impl Source {
    /// A file.
    #[must_use]
    pub fn file(format: Format, path: impl Into<PathBuf>) -> Self {
        Self {
            format,
            path: path.into(),
            text: None,
        }
    }

    /// A text, as if it were in the file at `path`.
    #[must_use]
    pub fn text(format: Format, path: impl Into<PathBuf>, text: Vec<u8>) -> Self {
        Self {
            format,
            path: path.into(),
            text: Some(text),
        }
    }
}

impl Configuration {
    /// Reads and checks one or more files; what they say is added up.
    ///
    /// # Errors
    /// Every problem found in every file, each with file, line and field.
    pub fn load(sources: &[Source]) -> Result<Self, ConfigErrors> {
        Self::load_noting(sources, &Footprint::default())
    }

    /// The same; `footprint` is told each file before it is read.
    pub(crate) fn load_noting(
        sources: &[Source],
        footprint: &Footprint,
    ) -> Result<Self, ConfigErrors> {
        let mut found = Self::default();
        let mut errors = Vec::new();
        for source in sources {
            if let Err(more) = found.add(source, footprint) {
                errors.extend(more.0);
            }
        }
        if errors.is_empty() {
            Ok(found)
        } else {
            Err(ConfigErrors(errors))
        }
    }

    fn add(&mut self, source: &Source, footprint: &Footprint) -> Result<(), ConfigErrors> {
        let file = match &source.text {
            Some(text) => File::given(&source.path, text)?,
            None => File::open(&source.path, footprint)?,
        };
        match &source.format {
            Format::Configuration => self.add_configuration(&file),
            Format::Authentication => self.add_section(&file, Section::Authentication),
            Format::Authorization => self.add_section(&file, Section::Authorization),
            Format::Admission => self.add_admission_configuration(&file, footprint),
            Format::AdmissionPlugin => self.add_section(&file, Section::Admission),
            Format::Policies { store } => self.add_policies(&file, store.as_deref()),
        }
    }

    /// The policies of every plane, in order, with the plane's name in the configuration.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        let authentication = self.authentication.iter().map(|entry| &entry.policy);
        let authorization = self.authorization.iter().map(|entry| &entry.policy);
        let admission = self.admission.iter().map(|entry| &entry.policy);
        authentication.chain(authorization).chain(admission)
    }
}

#[cfg(test)]
mod tests;
