//! Calls: one fresh instance each, bytes in, bytes out, within limits.

use std::time::{Duration, Instant};

use wasmtime::{InstancePre, Store, UpdateDeadline};

use crate::core::byte_size::ByteSize;
use crate::core::convention::Convention;
use crate::core::error::{CallError, CallFailure};
use crate::core::exports::EntryError;
use crate::core::imports;
use crate::core::instance::Instance;
use crate::core::limits::Limits;
use crate::core::module::Module;
use crate::core::permits::{CallKind, Class};
use crate::core::runtime::Runtime;
use crate::core::state::CallState;
use crate::core::stop::Stop;
use crate::core::usage::Stats;

/// The output of a module.
#[derive(Debug, Clone, Default)]
pub struct Output {
    /// The response.
    pub stdout: Vec<u8>,
    /// The log. If it was longer than [`Limits::stderr`], its last line says so.
    pub stderr: Vec<u8>,
    /// Statistics of the call.
    pub stats: Stats,
}

/// A module that is bound to a calling convention: its imports are linked and its exports found.
pub(crate) struct Bound<C: Convention> {
    module: Module,
    pre: InstancePre<CallState<C::State>>,
    convention: C,
}

impl<C: Convention> Bound<C> {
    /// Binds `module` to the convention `C`.
    ///
    /// # Errors
    /// Returns an error if an export is missing or has another signature, or the module imports a
    /// function of another convention.
    pub(crate) fn new(module: &Module, selector: &C::Selector) -> Result<Self, EntryError> {
        let convention = C::find(&module.exports(), selector)?;
        check_imports::<C>(module)?;
        let pre = link::<C>(module).map_err(|error| EntryError::Link(error.into()))?;
        Ok(Self {
            module: module.clone(),
            pre,
            convention,
        })
    }

    pub(crate) fn module(&self) -> &Module {
        &self.module
    }

    pub(crate) fn convention(&self) -> &C {
        &self.convention
    }

    /// Runs one call: waits for a permit, creates a fresh instance, and calls the module within
    /// `limits` and before `deadline`.
    pub(crate) async fn call(
        &self,
        state: C::State,
        input: C::Input,
        limits: &Limits,
        deadline: Instant,
    ) -> Result<Output, CallFailure> {
        let runtime = self.module.runtime();
        let arrived = Instant::now();
        let class = Class {
            kind: if C::may_wait(&state) {
                CallKind::Dependent
            } else {
                CallKind::Independent
            },
            share: limits.share,
        };
        let queued = runtime.meter.queued();
        // Dropped last: the next call must find the instance of this one free in the pool.
        let _permit = runtime
            .permits
            .acquire(class, deadline)
            .await
            .map_err(|no_permit| not_started(no_permit.into(), arrived.elapsed()))?;
        drop(queued);
        let _running = runtime.meter.running();
        let started = Instant::now();
        let _ticking = runtime.ticker.enter();

        let state = CallState::new(state, limits, runtime.max_memory, deadline);
        let mut store = store(runtime, state);
        let (returned, state) = match self.pre.instantiate_async(&mut store).await {
            Err(error) => (Err(error), store.into_data()),
            Ok(instance) => {
                let mut instance = Instance::new(store, instance);
                let returned = self.convention.call(&mut instance, input).await;
                (returned, instance.into_state())
            }
        };
        let stats = Stats {
            queue_wait: started.duration_since(arrived),
            run_time: started.elapsed(),
            memory_peak: ByteSize::from_len(state.budget.memory.used),
        };
        runtime.meter.record_call(&stats);
        finish::<C>(state, returned, limits, stats)
    }
}

/// Rejects input that is longer than the module may read.
pub(crate) fn check_input(len: usize, limits: &Limits) -> Result<(), CallFailure> {
    if ByteSize::from_len(len) > limits.stdin {
        let limit = limits.stdin;
        let error = CallError::InputTooLarge { limit };
        return Err(not_started(error, Duration::ZERO));
    }
    Ok(())
}

/// Rejects data from the host that is longer than replies of the host may be.
pub(crate) fn check_data(len: usize, limits: &Limits) -> Result<(), CallFailure> {
    if ByteSize::from_len(len) > limits.host_replies {
        return Err(not_started(CallError::host_calls(limits), Duration::ZERO));
    }
    Ok(())
}

/// Checks that the convention provides every import. The same check at load covers all conventions.
fn check_imports<C: Convention>(module: &Module) -> Result<(), EntryError> {
    let aliases = module.aliases();
    for import in &module.inspection().imports {
        if imports::check(import, C::IMPORTS, aliases).is_err() {
            return Err(EntryError::Import {
                module: import.module.clone(),
                name: import.name.clone(),
                importable: imports::module_names(C::IMPORTS, aliases),
            });
        }
    }
    Ok(())
}

fn link<C: Convention>(module: &Module) -> wasmtime::Result<InstancePre<CallState<C::State>>> {
    let linker = module.runtime().linker(C::link)?;
    let is_used = |alias: &&imports::ImportAlias| {
        let mut sets = C::IMPORTS.iter();
        let mut imports = module.inspection().imports.iter();
        sets.any(|set| set.module == alias.module)
            && imports.any(|import| import.module == alias.alias)
    };
    let mut aliases = module.aliases().iter().filter(is_used).peekable();
    if aliases.peek().is_none() {
        return linker.instantiate_pre(module.compiled());
    }
    let mut linker = (*linker).clone();
    for alias in aliases {
        linker.alias_module(alias.module, alias.alias)?;
    }
    linker.instantiate_pre(module.compiled())
}

/// Creates a store that enforces the limits and the deadline from the start.
fn store<S: 'static>(runtime: &Runtime, state: CallState<S>) -> Store<CallState<S>> {
    let mut store = Store::new(&runtime.wasmtime, state);
    store.limiter(|state| &mut state.budget);
    store.set_epoch_deadline(1);
    // Called about every millisecond: ends the call at its deadline, and otherwise lets other tasks
    // run.
    store.epoch_deadline_callback(|store| {
        if Instant::now() < store.data().deadline {
            Ok(UpdateDeadline::Yield(1))
        } else {
            Err(wasmtime::Error::new(Stop::Deadline))
        }
    });
    store
}

/// Turns the state of a call that has ended into its output.
fn finish<C: Convention>(
    mut state: CallState<C::State>,
    returned: wasmtime::Result<C::Returned>,
    limits: &Limits,
    stats: Stats,
) -> Result<Output, CallFailure> {
    let response = match returned {
        Ok(returned) => C::response(&mut state.convention, Some(returned)),
        Err(error) => match CallError::from_early_end(error, &state.budget, limits) {
            Some(error) => Err(error),
            None => C::response(&mut state.convention, None),
        },
    };
    let stderr = C::into_log(state.convention);
    match response {
        Ok(stdout) => Ok(Output {
            stdout,
            stderr,
            stats,
        }),
        Err(error) => Err(CallFailure {
            error,
            stderr,
            stats,
        }),
    }
}

/// Returns the failure of a call that did not get an instance.
fn not_started(error: CallError, queue_wait: Duration) -> CallFailure {
    CallFailure {
        error,
        stderr: Vec::new(),
        stats: Stats {
            queue_wait,
            ..Stats::default()
        },
    }
}
