//! Loading of admission policies: native modules, Kubewarden policies and groups.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use access::{Plane, admission};
use kubewarden::{Group, Member};
use tokio::runtime::{Handle, Runtime};
use wire::EntryPoint;

use super::Loader;
use super::error::{LoadErrorKind, NoRuntime};
use super::modules::CompiledModule;
use crate::chain::Chain;
use crate::policy::{AdmissionProgram, KubewardenPolicy, KubewardenProgram, LoadedPolicy};
use config::{AdmissionModule, AdmissionPolicy, Policy, Program, Protocol};

/// The minimum timeout for the validation of settings. Long, because the machine may be compiling
/// modules.
const MIN_SETTINGS_TIMEOUT: Duration = Duration::from_secs(5);

/// The chain of either admission plane.
type AdmissionChain = Chain<admission::Policy, AdmissionProgram>;

impl Loader<'_> {
    /// Loads the mutation chain and the validation chain.
    pub(super) fn load_admission_policies(
        &mut self,
        configured: &[AdmissionPolicy],
    ) -> (AdmissionChain, AdmissionChain) {
        let (mut mutation, mut validation) = (Chain::default(), Chain::default());
        for entry in configured {
            let chain = if entry.mutating {
                &mut mutation
            } else {
                &mut validation
            };
            if let Some(loaded) = self.load_admission_policy(entry) {
                let policy = admission::Policy {
                    name: entry.policy.name.clone(),
                    rules: entry.rules.clone(),
                    on_failure: entry.on_failure,
                    mode: entry.mode,
                };
                chain.push(policy, loaded);
            }
        }
        (mutation, validation)
    }

    fn load_admission_policy(
        &mut self,
        entry: &AdmissionPolicy,
    ) -> Option<LoadedPolicy<AdmissionProgram>> {
        let program = match &entry.program {
            Program::Module(module) => {
                let program = self.load_module(entry, module);
                self.record_error(&entry.policy, &module.path, program)?
            }
            Program::Group(group) => {
                let members = self.load_members(group)?;
                let expression = group.expression.clone();
                let group = Group::new(expression, group.message.clone(), members);
                AdmissionProgram::Kubewarden(KubewardenProgram::Group(group))
            }
        };
        Some(LoadedPolicy::new(&entry.policy, program))
    }

    /// Loads a policy with one module.
    ///
    /// A mutating policy without `mutate` is called by `validate`, as in the original
    /// specification.
    fn load_module(
        &mut self,
        entry: &AdmissionPolicy,
        module: &AdmissionModule,
    ) -> Result<AdmissionProgram, LoadErrorKind> {
        let (policy, kubewarden) = (&entry.policy, &module.kubewarden);
        let compiled = match kubewarden.execution_mode {
            // A command without metadata looks like a native module: the configured mode decides.
            Some(_) => self.modules.get(&module.path)?,
            None => self.modules.get_checked(module)?,
        };
        if compiled.protocol == Protocol::Wasi && kubewarden.execution_mode.is_none() {
            let entry_point = if entry.mutating && compiled.module.has_function("mutate") {
                EntryPoint::Mutate
            } else {
                EntryPoint::Validate
            };
            let module = self.native_module(policy, &compiled.module, entry_point)?;
            return Ok(AdmissionProgram::Module(module));
        }
        let loaded = KubewardenPolicy {
            policy: self.load_kubewarden(policy, &compiled, kubewarden)?,
            digest: *compiled.module.digest(),
            may_mutate: entry.mutating,
            message: kubewarden.message.clone(),
        };
        Ok(AdmissionProgram::Kubewarden(KubewardenProgram::Policy(
            loaded,
        )))
    }

    /// Loads the members of a group; `None` if one cannot be loaded. Records the error of each.
    fn load_members(&mut self, group: &config::Group) -> Option<Vec<Member>> {
        let members: Vec<_> = group
            .members
            .iter()
            .map(|member| self.load_member(member))
            .collect();
        members.into_iter().collect()
    }

    fn load_member(&mut self, member: &config::GroupMember) -> Option<Member> {
        let module = &member.module;
        let compiled = self.modules.get_checked(module);
        let policy = compiled.and_then(|compiled| {
            self.load_kubewarden(&member.policy, &compiled, &module.kubewarden)
        });
        Some(Member {
            name: member.name.clone(),
            policy: self.record_error(&member.policy, &module.path, policy)?,
            timeout: member.policy.timeout,
        })
    }

    /// Loads a Kubewarden policy and validates its settings.
    fn load_kubewarden(
        &self,
        policy: &Policy,
        compiled: &CompiledModule,
        config: &config::Kubewarden,
    ) -> Result<kubewarden::Policy, LoadErrorKind> {
        let mode = match config.execution_mode {
            Some(mode) => mode,
            None => {
                let metadata = compiled.metadata.as_deref();
                kubewarden::detect(metadata, compiled.module.inspection())?.unwrap_or_default()
            }
        };
        let access = kubewarden::Access {
            capabilities: self.capabilities.clone(),
            grants: Arc::clone(&config.grants),
        };
        let loaded = kubewarden::Policy::new(
            policy.name.as_str(),
            kubewarden::Mode::new(&compiled.module, mode)?,
            policy.settings.as_deref(),
            access,
            // The limits are the same on both admission planes.
            self.limits(policy, Plane::Validation),
        )?;
        wait_for(loaded.validate_settings(settings_deadline(policy)))??;
        Ok(loaded)
    }
}

/// Returns the deadline of validating settings: the policy's timeout, or more for the first call.
fn settings_deadline(policy: &Policy) -> Instant {
    let now = Instant::now();
    now.checked_add(policy.timeout.max(MIN_SETTINGS_TIMEOUT))
        .unwrap_or(now)
}

/// Waits until calls of policies return, and blocks.
///
/// Works inside and outside of a runtime, because it has its own. That runtime is never shut down:
/// connections that a policy opens while it is loaded are reused later.
///
/// # Errors
/// Fails if the runtime cannot be started, or the calls panic.
pub fn wait_for<T: Send>(calls: impl Future<Output = T> + Send) -> Result<T, NoRuntime> {
    static RUNTIME: OnceLock<io::Result<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("loading")
            .enable_all()
            .build()
    });
    let runtime = runtime
        .as_ref()
        .map_err(|error| NoRuntime(error.to_string()))?;
    // Stays on this thread if possible, so that log lines of the policy go to its subscriber.
    if Handle::try_current().is_err() {
        return Ok(runtime.block_on(calls));
    }
    std::thread::scope(|scope| scope.spawn(|| runtime.block_on(calls)).join())
        .map_err(|_| NoRuntime("the call panicked".to_owned()))
}
