//! Loading of policies. Reports every policy that cannot be loaded, not only the first one.

mod admission;
mod error;
mod modules;

use std::path::Path;

use access::{Plane, authn, authz};
use capabilities::Capabilities;
use engine::{Engine, Limits, Module, Share};
use wire::EntryPoint;

use crate::chain::Chain;
use crate::host::Host;
use crate::policy::{LoadedPolicy, NativeModule};
use config::{Authenticator, Authorizer, Configuration, Policy, Protocol};
use modules::Modules;

pub use admission::wait_for;
pub use error::{LoadError, LoadErrorKind, LoadErrors, NoRuntime, error_chain};
pub use modules::{FileModules, ModuleSource, detect_protocol};

impl Host {
    /// Loads all policies of a configuration. Compiling blocks for milliseconds to seconds per
    /// module.
    ///
    /// # Errors
    /// Returns the error of every policy that cannot be loaded, with its position in the
    /// configuration.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// use access::Plane;
    /// use engine::{Engine, Options};
    /// use host::config::{Format, Source};
    /// use host::{Configuration, EvaluationRequest, FileModules, Host, Verdict};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let yaml = "
    /// apiVersion: k8s-wasm/v1alpha1
    /// kind: Configuration
    /// authorization: {modules: []}
    /// ";
    /// let source = Source::text(Format::Configuration, "config.yaml", yaml.into());
    /// let configuration = Configuration::load(&[source])?;
    /// let engine = Engine::new(Options::default())?;
    /// let host = Host::load(&configuration, &FileModules, &engine)?;
    ///
    /// let request = EvaluationRequest {
    ///     plane: Plane::Authorization,
    ///     policy: None,
    ///     review: br#"{"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
    ///         "spec": {"user": "jane", "nonResourceAttributes": {"path": "/", "verb": "get"}}}"#,
    ///     already_evaluated: &[],
    ///     deadline: Instant::now() + Duration::from_secs(10),
    /// };
    /// let evaluation = host.evaluate(request).await?;
    /// assert_eq!(evaluation.verdict(), Verdict::NoOpinion);
    /// # Ok(())
    /// # }
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    /// # runtime.unwrap().block_on(example()).unwrap();
    /// ```
    pub fn load(
        configuration: &Configuration,
        modules: &dyn ModuleSource,
        engine: &Engine,
    ) -> Result<Self, LoadErrors> {
        Self::load_with(configuration, modules, engine, &Capabilities::none())
    }

    /// Loads all policies of a configuration. `capabilities` serves the host calls of policies.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_with(
        configuration: &Configuration,
        modules: &dyn ModuleSource,
        engine: &Engine,
        capabilities: &Capabilities,
    ) -> Result<Self, LoadErrors> {
        let mut loader = Loader {
            modules: Modules::new(modules, engine),
            capabilities,
            admission_share: admission_share(configuration),
            errors: Vec::new(),
        };
        let authentication = loader.load_authenticators(&configuration.authentication);
        let authorization = loader.load_authorizers(&configuration.authorization);
        let (mutation, validation) = loader.load_admission_policies(&configuration.admission);
        let host = Self {
            engine: engine.clone(),
            audit_trace: configuration.audit_trace,
            authentication,
            authorization,
            mutation,
            validation,
        };
        LoadErrors::check(loader.errors, host)
    }
}

/// A loader of policies, which collects their errors.
struct Loader<'a> {
    modules: Modules<'a>,
    capabilities: &'a Capabilities,
    admission_share: Share,
    errors: Vec<LoadError>,
}

impl Loader<'_> {
    fn load_authenticators(
        &mut self,
        configured: &[Authenticator],
    ) -> Chain<authn::Policy, NativeModule> {
        let mut chain = Chain::default();
        for authenticator in configured {
            let (policy, module) = (&authenticator.policy, &authenticator.module);
            if let Some(loaded) = self.load_native(policy, module, EntryPoint::Authn) {
                let policy = authn::Policy {
                    name: authenticator.policy.name.clone(),
                    system_names: authenticator.system_names,
                    mode: authenticator.mode,
                };
                chain.push(policy, loaded);
            }
        }
        chain
    }

    fn load_authorizers(
        &mut self,
        configured: &[Authorizer],
    ) -> Chain<authz::Policy, NativeModule> {
        let mut chain = Chain::default();
        for authorizer in configured {
            let (policy, module) = (&authorizer.policy, &authorizer.module);
            if let Some(loaded) = self.load_native(policy, module, EntryPoint::Authz) {
                let policy = authz::Policy {
                    name: authorizer.policy.name.clone(),
                    on_failure: authorizer.on_failure,
                    mode: authorizer.mode,
                };
                chain.push(policy, loaded);
            }
        }
        chain
    }

    /// Loads a policy of a plane that supports native modules only.
    fn load_native(
        &mut self,
        policy: &Policy,
        path: &Path,
        entry_point: EntryPoint,
    ) -> Option<LoadedPolicy<NativeModule>> {
        let module = self
            .modules
            .get(path)
            .and_then(|compiled| match compiled.protocol {
                Protocol::Wasi => self.native_module(policy, &compiled.module, entry_point),
                Protocol::Kubewarden => Err(LoadErrorKind::KubewardenElsewhere),
            });
        let module = self.record_error(policy, path, module)?;
        Some(LoadedPolicy::new(policy, module))
    }

    /// Looks up the entry point of a native module.
    fn native_module(
        &self,
        policy: &Policy,
        module: &Module,
        entry_point: EntryPoint,
    ) -> Result<NativeModule, LoadErrorKind> {
        Ok(NativeModule {
            entry: module.entry(entry_point.as_str())?,
            entry_point,
            settings: policy.settings.clone(),
            limits: self.limits(policy, entry_point.into()),
        })
    }

    /// Returns the limits of a policy's calls.
    fn limits(&self, policy: &Policy, plane: Plane) -> Limits {
        let share = match plane {
            Plane::Authentication | Plane::Authorization => Share::Whole,
            Plane::Mutation | Plane::Validation => self.admission_share,
        };
        Limits {
            share,
            ..policy.limits.clone()
        }
    }

    /// Records the error of a policy that cannot be loaded.
    fn record_error<T>(
        &mut self,
        policy: &Policy,
        module: &Path,
        result: Result<T, LoadErrorKind>,
    ) -> Option<T> {
        let record = |kind| {
            self.errors.push(LoadError {
                policy: policy.name.clone(),
                position: policy.position.clone(),
                module: module.to_owned(),
                kind,
            });
        };
        result.map_err(record).ok()
    }
}

/// Returns the share of the permits that admission policies may use.
///
/// Every request needs authentication and authorization, so admission leaves permits free for them.
/// Without policies on these planes it uses all permits.
fn admission_share(configuration: &Configuration) -> Share {
    if configuration.authentication.is_empty() && configuration.authorization.is_empty() {
        Share::Whole
    } else {
        Share::ThreeQuarters
    }
}

#[cfg(test)]
mod tests;
