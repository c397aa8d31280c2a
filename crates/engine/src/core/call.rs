//! One call: one fresh instance, bytes in, bytes out, within limits.

use std::time::{Duration, Instant};

use wasmtime::{Instance, ModuleExport, Store, UpdateDeadline, WasmParams, WasmResults};

use crate::ByteSize;
use crate::call::error::explain;
pub(crate) use crate::call::error::{CallError, CallFailed};
use crate::engine::Shared;
use crate::guest::{GuestMemory, MEMORY};
use crate::limits::Limits;
use crate::module::Module;
use crate::slots::Class;
use crate::state::{State, Stop};

pub(crate) mod backtrace;
pub(crate) mod error;

/// What a module answered.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// What it wrote to stdout: the answer.
    pub stdout: Vec<u8>,
    /// What it wrote to stderr: its log. When it was longer than the limit, its last line says so.
    pub stderr: Vec<u8>,
    /// What the call took.
    pub stats: Stats,
}

/// What a call took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// How long it waited for its turn.
    pub waited: Duration,
    /// How long it ran, from the new instance to its end.
    pub ran: Duration,
    /// The most memory that the instance had.
    pub memory_peak: ByteSize,
}

/// An instance while its call runs.
pub(crate) struct Running {
    store: Store<State>,
    instance: Instance,
}

/// A call that has come to its end.
pub(crate) struct Ended<T> {
    /// What came of it; none when the module left with exit code 0 before.
    pub(crate) value: Option<T>,
    pub(crate) state: State,
    stats: Stats,
}

/// Refuses what is longer than the module may be given.
pub(crate) fn check_input(len: usize, limits: &Limits) -> Result<(), CallFailed> {
    if ByteSize::of_len(len) > limits.stdin {
        let error = CallError::StdinTooLarge {
            limit: limits.stdin,
        };
        return Err(CallFailed::before_start(error, Duration::ZERO));
    }
    Ok(())
}

/// Refuses what is longer than the host may hand over from elsewhere.
pub(crate) fn check_data(len: usize, limits: &Limits) -> Result<(), CallFailed> {
    if ByteSize::of_len(len) > limits.host_replies {
        let error = CallError::HostCalls {
            calls: limits.host_calls,
            replies: limits.host_replies,
        };
        return Err(CallFailed::before_start(error, Duration::ZERO));
    }
    Ok(())
}

/// Runs `ask` on a fresh instance when it is its turn, before the deadline and within the limits of `state`.
pub(crate) async fn once<T>(
    module: &Module,
    state: State,
    limits: &Limits,
    ask: impl AsyncFnOnce(&mut Running) -> wasmtime::Result<T>,
) -> Result<Ended<T>, CallFailed> {
    let engine = module.engine();
    let arrived = Instant::now();
    let class = Class {
        kind: state.host_calls.kind(),
        share: limits.share,
    };
    let waits = engine.meter.waits();
    // Dropped last: the next call must find this one's place in the pool free.
    let _slot = engine
        .slots
        .take(class, state.deadline)
        .await
        .map_err(|no_slot| CallFailed::before_start(no_slot.into(), arrived.elapsed()))?;
    drop(waits);
    let _runs = engine.meter.runs();
    let started = Instant::now();
    let _ticking = engine.ticker.enter();

    let mut store = store(engine, state);
    let (value, state) = match module.pre().instantiate_async(&mut store).await {
        Err(error) => (Err(error), store.into_data()),
        Ok(instance) => {
            let mut running = Running { store, instance };
            let value = ask(&mut running).await;
            (value, running.store.into_data())
        }
    };
    let stats = Stats {
        waited: started.duration_since(arrived),
        ran: started.elapsed(),
        memory_peak: ByteSize::of_len(state.budget.memory.used),
    };
    engine.meter.ended(&stats);
    let (value, error) = match value {
        Ok(value) => (Some(value), None),
        Err(error) => (None, explain(error, &state.budget, limits)),
    };
    let ended = Ended {
        value,
        state,
        stats,
    };
    match error {
        None => Ok(ended),
        Some(error) => Err(ended.fail(error)),
    }
}

impl<T> Ended<T> {
    pub(crate) fn into_output(self) -> Output {
        let (stdout, stderr) = self.state.wasi.stdio.into_output();
        Output {
            stdout,
            stderr,
            stats: self.stats,
        }
    }

    pub(crate) fn fail(self, error: CallError) -> CallFailed {
        let (_, stderr) = self.state.wasi.stdio.into_output();
        CallFailed {
            error,
            stderr,
            stats: self.stats,
        }
    }
}

impl Running {
    pub(crate) fn data(&self) -> &State {
        self.store.data()
    }

    pub(crate) fn data_mut(&mut self) -> &mut State {
        self.store.data_mut()
    }

    /// Calls a function that takes and answers nothing.
    pub(crate) async fn nullary(&mut self, export: &ModuleExport) -> wasmtime::Result<()> {
        self.call(export, ()).await
    }

    /// Calls a function whose signature was checked when the module was loaded.
    pub(crate) async fn call<P, R>(
        &mut self,
        export: &ModuleExport,
        parameters: P,
    ) -> wasmtime::Result<R>
    where
        P: WasmParams + Sync,
        R: WasmResults + Sync,
    {
        let function = self
            .instance
            .get_module_export(&mut self.store, export)
            .and_then(wasmtime::Extern::into_func)
            .ok_or_else(|| wasmtime::Error::msg("an export is gone"))?;
        let function = function.typed::<P, R>(&self.store)?;
        function.call_async(&mut self.store, parameters).await
    }

    /// Lends out the module's memory.
    pub(crate) fn memory<T>(
        &mut self,
        with: impl FnOnce(&mut GuestMemory<'_>) -> Result<T, Stop>,
    ) -> wasmtime::Result<T> {
        let memory = self.instance.get_memory(&mut self.store, MEMORY);
        let memory = memory.ok_or_else(|| wasmtime::Error::new(Stop::NoMemory))?;
        with(&mut GuestMemory::new(memory.data_mut(&mut self.store))).map_err(wasmtime::Error::new)
    }
}

/// A store with limits and deadline in place before there is an instance.
fn store(engine: &Shared, state: State) -> Store<State> {
    let mut store = Store::new(&engine.wasmtime, state);
    store.limiter(|state| &mut state.budget);
    store.set_epoch_deadline(1);
    // About every millisecond of running: the deadline ends the call, otherwise others may run
    // first.
    store.epoch_deadline_callback(|store| {
        if Instant::now() < store.data().deadline {
            Ok(UpdateDeadline::Yield(1))
        } else {
            Err(wasmtime::Error::new(Stop::Deadline))
        }
    });
    store
}
