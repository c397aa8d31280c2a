//! One call: one fresh instance, bytes in, bytes out, within limits.

use std::time::{Duration, Instant};

use wasmtime::{ModuleExport, Store, UpdateDeadline};

use crate::ByteSize;
use crate::call::error::{CallError, CallFailed, Phase, explain};
use crate::engine::Shared;
use crate::limits::Limits;
use crate::module::Entry;
use crate::slots::NoSlot;
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

impl Entry {
    /// Calls the entry point in a fresh instance: the start section, `_initialize`, then the
    /// function, all before one `deadline` and within `limits`. What the module reads from stdin is
    /// `stdin`.
    ///
    /// Runs in a Tokio runtime with time enabled, of any kind. A long call yields about every
    /// millisecond. Dropping the future ends the call and frees the instance.
    ///
    /// # Errors
    /// When the module did not come to its end, or left with an exit code other than 0; with its
    /// log and what it took.
    pub async fn call(
        &self,
        stdin: impl Into<Vec<u8>>,
        limits: &Limits,
        deadline: Instant,
    ) -> Result<Output, CallFailed> {
        self.call_with(stdin.into(), limits, deadline).await
    }

    async fn call_with(
        &self,
        stdin: Vec<u8>,
        limits: &Limits,
        deadline: Instant,
    ) -> Result<Output, CallFailed> {
        let engine = self.module().engine();
        if ByteSize::of_len(stdin.len()) > limits.stdin {
            return Err(CallFailed::before_start(
                CallError::StdinTooLarge {
                    limit: limits.stdin,
                },
                Duration::ZERO,
            ));
        }
        let arrived = Instant::now();
        // Dropped last: the next call must find this one's place in the pool free.
        let _slot = engine.slots.take(deadline).await.map_err(|no_slot| {
            let error = match no_slot {
                NoSlot::Busy => CallError::Busy,
                NoSlot::Deadline => CallError::Deadline(Phase::Waiting),
            };
            CallFailed::before_start(error, arrived.elapsed())
        })?;
        let started = Instant::now();
        let _ticking = engine.ticker.enter();

        let mut store = store(
            engine,
            State::new(stdin, limits, engine.memory_max, deadline),
        );
        let ended = self.run(&mut store).await;
        let state = store.into_data();

        let memory_peak = ByteSize::of_len(state.budget.memory.used);
        let stats = Stats {
            waited: started.duration_since(arrived),
            ran: started.elapsed(),
            memory_peak,
        };
        let error = ended
            .err()
            .and_then(|error| explain(error, &state.budget, limits));
        let (stdout, stderr) = state.wasi.stdio.into_output();
        match error {
            None => Ok(Output {
                stdout,
                stderr,
                stats,
            }),
            Some(error) => Err(CallFailed {
                error,
                stderr,
                stats,
            }),
        }
    }

    /// From the new instance to the return of the function.
    async fn run(&self, store: &mut Store<State>) -> wasmtime::Result<()> {
        let instance = self.module().pre().instantiate_async(&mut *store).await?;
        let mut call = async |export: &ModuleExport| {
            let function = instance
                .get_module_export(&mut *store, export)
                .and_then(wasmtime::Extern::into_func);
            let function =
                function.ok_or_else(|| wasmtime::Error::msg("the entry point is gone"))?;
            function
                .typed::<(), ()>(&*store)?
                .call_async(&mut *store, ())
                .await
        };
        if let Some(initialize) = self.module().initialize() {
            call(initialize).await?;
        }
        call(self.export()).await
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
