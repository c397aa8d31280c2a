//! The configuration of a policy set, and the way from files to it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use access::PolicyName;

use crate::diagnostics::{ConfigErrors, Diagnostics, Position, both};
use crate::document::{Document, Scope};
use crate::exemptions::Exemptions;
use crate::header::Header;
use crate::resolved::{AdmissionPolicy, Authenticator, Authorizer, Policy, Program};
use crate::source::{Format, Section, Source};
use crate::spec::{self, AdmissionPolicyList, AuthenticatorList, AuthorizerList};
use crate::{kubewarden_policies, original, resolve};

/// The configuration of a policy set. Everything in it is checked.
#[derive(Debug, Clone, Default)]
pub struct Configuration {
    /// The authenticators, in evaluation order.
    pub authentication: Vec<Authenticator>,
    /// The authorizers, in evaluation order.
    pub authorization: Vec<Authorizer>,
    /// The admission policies, mutating and validating, in evaluation order.
    pub admission: Vec<AdmissionPolicy>,
    /// True if admission responses have a summary of the trace in their audit annotations.
    pub audit_trace: bool,
    /// The options of the engine, without a code cache.
    pub engine: engine::Options,
    /// The essential operations that policies may block.
    pub exemptions: Exemptions,
}

impl Configuration {
    /// Reads and checks one or more files, and merges them.
    ///
    /// ```
    /// use config::{Configuration, Format, Source};
    ///
    /// let text = "
    /// apiVersion: k8s-wasm/v1alpha1
    /// kind: Configuration
    /// authorization:
    ///   modules:
    ///   - {module: owners.wasm, timeout: 250}
    /// ";
    /// let errors = Configuration::load(&[Source::text(Format::Configuration, "p.yaml", text.into())])
    ///     .unwrap_err();
    /// assert_eq!(
    ///     errors.to_string(),
    ///     "p.yaml:6:36: authorization.modules[0].timeout: `250` is not a duration: \
    ///      expected numbers with units, such as `250ms`, `2s` or `1m30s`"
    /// );
    /// ```
    ///
    /// # Errors
    /// All errors in all files, each with its file, line and field.
    pub fn load(sources: &[Source]) -> Result<Self, ConfigErrors> {
        Self::load_with(sources, &|_| ())
    }

    /// Like [`Self::load`]; calls `before_read` with the path of each file before it is read.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_with(
        sources: &[Source],
        before_read: &dyn Fn(&Path),
    ) -> Result<Self, ConfigErrors> {
        let mut configuration = Self::default();
        let mut diagnostics = Diagnostics::default();
        for source in sources {
            diagnostics.take(configuration.add(source, before_read));
        }
        diagnostics.finish(configuration)
    }

    /// Returns the common part of the policies of all sections, in order.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        let authentication = self.authentication.iter().map(|entry| &entry.policy);
        let authorization = self.authorization.iter().map(|entry| &entry.policy);
        let admission = self.admission.iter().map(|entry| &entry.policy);
        authentication.chain(authorization).chain(admission)
    }

    /// Returns the file of each policy's module. Groups of policies have none of their own.
    pub fn modules(&self) -> impl Iterator<Item = (Section, &PolicyName, &Path)> {
        let authentication = self.authentication.iter();
        let authentication = authentication
            .map(|entry| (Section::Authentication, &entry.policy.name, &*entry.module));
        let authorization = self.authorization.iter();
        let authorization =
            authorization.map(|entry| (Section::Authorization, &entry.policy.name, &*entry.module));
        let admission = self
            .admission
            .iter()
            .filter_map(|entry| match &entry.program {
                Program::Module(module) => {
                    Some((Section::Admission, &entry.policy.name, &*module.path))
                }
                Program::Group(_) => None,
            });
        authentication.chain(authorization).chain(admission)
    }

    /// Returns the options of the engine, with a directory for compiled code.
    #[must_use]
    pub fn engine_options(&self, code_cache: Option<PathBuf>) -> engine::Options {
        engine::Options {
            code_cache,
            ..self.engine.clone()
        }
    }

    fn add(&mut self, source: &Source, before_read: &dyn Fn(&Path)) -> Result<(), ConfigErrors> {
        let document = match &source.text {
            Some(text) => Document::from_text(&source.path, text)?,
            None => Document::read(&source.path, before_read)?,
        };
        match &source.format {
            Format::Configuration => self.add_configuration(&document),
            Format::Authentication => self.add_section(&document, Section::Authentication),
            Format::Authorization => self.add_section(&document, Section::Authorization),
            Format::Admission => {
                let plugin = original::plugin_configuration(&document, before_read)?;
                self.add_section(&plugin, Section::Admission)
            }
            Format::AdmissionPlugin => self.add_section(&document, Section::Admission),
            Format::Policies { store } => {
                let policies = kubewarden_policies::parse(&document, store.as_deref())?;
                self.add_admission_policies(&document.root(), policies)
            }
        }
    }

    /// Adds a file for all planes.
    fn add_configuration(&mut self, document: &Document) -> Result<(), ConfigErrors> {
        Header::read(document)?.check(document)?;
        self.add_sections(&document.root(), document.parse()?)
    }

    /// Adds a file for one plane: a list of modules, or a configuration whose other planes are
    /// ignored.
    fn add_section(&mut self, document: &Document, section: Section) -> Result<(), ConfigErrors> {
        let header = Header::read(document)?;
        let scope = document.root();
        if header.is_present() {
            header.check(document)?;
            return self.add_sections(&scope, only(section, &scope, document.parse()?)?);
        }
        match section {
            Section::Authentication => self.add_authenticators(&scope, document.parse()?),
            Section::Authorization => self.add_authorizers(&scope, document.parse()?),
            Section::Admission => self.add_admission_list(&scope, document.parse()?),
        }
    }

    fn add_sections(
        &mut self,
        scope: &Scope<'_>,
        spec: spec::Configuration,
    ) -> Result<(), ConfigErrors> {
        let mut diagnostics = Diagnostics::default();
        if let Some(engine) = &spec.engine {
            let options = resolve::engine(&scope.field("engine"), engine, &self.engine);
            if let Some(options) = diagnostics.take(options) {
                self.engine = options;
            }
        }
        diagnostics.take(self.add_exemptions(scope, spec.lock_out_guard.as_ref()));
        if let Some(list) = spec.authentication {
            diagnostics.take(self.add_authenticators(&scope.field("authentication"), list));
        }
        if let Some(list) = spec.authorization {
            diagnostics.take(self.add_authorizers(&scope.field("authorization"), list));
        }
        if let Some(list) = spec.admission {
            diagnostics.take(self.add_admission_list(&scope.field("admission"), list));
        }
        diagnostics.finish(())
    }

    fn add_authenticators(
        &mut self,
        scope: &Scope<'_>,
        list: AuthenticatorList,
    ) -> Result<(), ConfigErrors> {
        let added = resolve::authenticators(scope, list.modules, &self.engine)?;
        let present = self.authentication.iter().map(|entry| &entry.policy);
        check_names(scope, present, added.iter().map(|entry| &entry.policy))?;
        self.authentication.extend(added);
        Ok(())
    }

    fn add_authorizers(
        &mut self,
        scope: &Scope<'_>,
        list: AuthorizerList,
    ) -> Result<(), ConfigErrors> {
        let exemptions = self.add_exemptions(scope, list.lock_out_guard.as_ref());
        let added = resolve::authorizers(scope, list.modules, &self.engine);
        let ((), added) = both(exemptions, added)?;
        let present = self.authorization.iter().map(|entry| &entry.policy);
        check_names(scope, present, added.iter().map(|entry| &entry.policy))?;
        self.authorization.extend(added);
        Ok(())
    }

    fn add_admission_list(
        &mut self,
        scope: &Scope<'_>,
        list: AdmissionPolicyList,
    ) -> Result<(), ConfigErrors> {
        let exemptions = self.add_exemptions(scope, list.lock_out_guard.as_ref());
        let added = resolve::admission_policies(scope, list.modules, &self.engine);
        let ((), added) = both(exemptions, added)?;
        self.audit_trace |= list.audit_trace.unwrap_or(false);
        self.add_admission_policies(scope, added)
    }

    fn add_admission_policies(
        &mut self,
        scope: &Scope<'_>,
        added: Vec<AdmissionPolicy>,
    ) -> Result<(), ConfigErrors> {
        let present = self.admission.iter().map(|entry| &entry.policy);
        check_names(scope, present, added.iter().map(|entry| &entry.policy))?;
        self.admission.extend(added);
        Ok(())
    }

    fn add_exemptions(
        &mut self,
        scope: &Scope<'_>,
        spec: Option<&spec::LockOutGuard>,
    ) -> Result<(), ConfigErrors> {
        self.exemptions.extend(resolve::exemptions(scope, spec)?);
        Ok(())
    }
}

/// Removes the sections of other planes.
fn only(
    section: Section,
    scope: &Scope<'_>,
    spec: spec::Configuration,
) -> Result<spec::Configuration, ConfigErrors> {
    let is_present = match section {
        Section::Authentication => spec.authentication.is_some(),
        Section::Authorization => spec.authorization.is_some(),
        Section::Admission => spec.admission.is_some(),
    };
    if !is_present {
        let message = "is missing, and this file is read for no other section";
        let error = scope
            .field(section.as_str())
            .error_without_position(message);
        return Err(error.into());
    }
    Ok(spec::Configuration {
        authentication: spec
            .authentication
            .filter(|_| section == Section::Authentication),
        authorization: spec
            .authorization
            .filter(|_| section == Section::Authorization),
        admission: spec.admission.filter(|_| section == Section::Admission),
        ..spec
    })
}

/// Checks that the names of policies are unique within their section: URLs, logs and metrics
/// identify policies by name.
fn check_names<'a>(
    scope: &Scope<'_>,
    present: impl Iterator<Item = &'a Policy>,
    added: impl Iterator<Item = &'a Policy>,
) -> Result<(), ConfigErrors> {
    let named = |policy: &'a Policy| (&policy.name, &policy.position);
    let mut names: HashMap<&PolicyName, &Position> = present.map(named).collect();
    let mut diagnostics = Diagnostics::default();
    for policy in added {
        if let Some(first) = names.insert(&policy.name, &policy.position) {
            let message = format!("the policy at {first} has the same name, `{}`", policy.name);
            let error = scope
                .field("modules")
                .error_at_position(policy.position.clone(), message)
                .with_hint(Some("give one of them another `name`".to_owned()));
            diagnostics.take::<()>(Err(error));
        }
    }
    diagnostics.finish(())
}
