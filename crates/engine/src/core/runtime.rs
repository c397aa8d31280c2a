//! The parts of an engine that its modules share.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use wasmtime::Linker;

use crate::core::byte_size::ByteSize;
use crate::core::cache::CodeCache;
use crate::core::digest::Digest;
use crate::core::imports::ImportSet;
use crate::core::options::{NewError, Options};
use crate::core::permits::Permits;
use crate::core::pool::wasmtime_engine;
use crate::core::state::CallState;
use crate::core::ticker::Ticker;
use crate::core::usage::{Meter, Usage};

/// The code generator, the pool of instances, the ticker and the permits of an engine.
pub(crate) struct Runtime {
    pub(crate) wasmtime: wasmtime::Engine,
    pub(crate) permits: Permits,
    pub(crate) ticker: Ticker,
    pub(crate) meter: Meter,
    pub(crate) max_memory: ByteSize,
    /// Import sets of all calling conventions, one slice per convention.
    imports: &'static [&'static [ImportSet]],
    /// Linkers by the type of a convention's state. Each is created on first use.
    linkers: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    cache: Option<CodeCache>,
    running_limit: u32,
    queued_limit: u32,
}

/// The origin of a module's compiled code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeOrigin {
    /// The module was compiled.
    Compiled,
    /// The code came from the code cache.
    Cached,
}

impl Runtime {
    pub(crate) fn new(
        options: Options,
        imports: &'static [&'static [ImportSet]],
    ) -> Result<Self, NewError> {
        let wasmtime = wasmtime_engine(&options)?;
        let ticker = Ticker::start(wasmtime.weak()).map_err(NewError::Ticker)?;
        let cache = options
            .code_cache
            .and_then(|directory| CodeCache::open(directory, &wasmtime));
        Ok(Self {
            wasmtime,
            permits: Permits::new(options.max_concurrent_calls, options.max_queued_calls),
            ticker,
            meter: Meter::default(),
            max_memory: options.max_memory,
            imports,
            linkers: Mutex::default(),
            cache,
            running_limit: options.max_concurrent_calls.get(),
            queued_limit: options.max_queued_calls,
        })
    }

    pub(crate) fn usage(&self) -> Usage {
        self.meter.usage(self.running_limit, self.queued_limit)
    }

    /// Returns the import sets of all calling conventions.
    pub(crate) fn imports(&self) -> impl Iterator<Item = &'static ImportSet> + use<> {
        self.imports.iter().copied().flatten()
    }

    /// Returns the linker for stores with the state `S`; `link` defines its functions on first use.
    pub(crate) fn linker<S: 'static>(
        &self,
        link: fn(&mut Linker<CallState<S>>) -> wasmtime::Result<()>,
    ) -> wasmtime::Result<Arc<Linker<CallState<S>>>> {
        let mut linkers = self.linkers.lock();
        let known = linkers.get(&TypeId::of::<S>()).map(Arc::clone);
        if let Some(Ok(linker)) = known.map(Arc::downcast) {
            return Ok(linker);
        }
        let mut linker = Linker::new(&self.wasmtime);
        link(&mut linker)?;
        let linker = Arc::new(linker);
        let erased: Arc<dyn Any + Send + Sync> = Arc::clone(&linker) as _;
        linkers.insert(TypeId::of::<S>(), erased);
        Ok(linker)
    }

    /// Returns the code of a module from the code cache; otherwise compiles the result of `prepare`
    /// and stores it there.
    pub(crate) fn compile<'a, E>(
        &self,
        digest: &Digest,
        prepare: impl FnOnce() -> Result<std::borrow::Cow<'a, [u8]>, E>,
    ) -> Result<(wasmtime::Module, CodeOrigin), E>
    where
        E: From<wasmtime::Error>,
    {
        let cached = self
            .cache
            .as_ref()
            .and_then(|cache| cache.find(digest, &self.wasmtime));
        if let Some(module) = cached {
            self.meter.record_cache_hit();
            return Ok((module, CodeOrigin::Cached));
        }
        let begin = Instant::now();
        let module = wasmtime::Module::from_binary(&self.wasmtime, &prepare()?)?;
        self.meter.record_compilation(begin.elapsed());
        if let Some(cache) = &self.cache {
            cache.store(digest, &module);
        }
        Ok((module, CodeOrigin::Compiled))
    }
}
