//! wasmtime: configured like the engine of k8s-wasm, with another allocator, or with an interpreter
//! instead of the compiler.

mod component;
mod link;
mod store;
mod ticker;

use std::rc::Rc;

use anyhow::{Context as _, Result};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, InstancePre, Memory, Module,
    PoolingAllocationConfig, Store, TypedFunc, WasmParams, WasmResults,
};

use self::component::Component;
use self::store::{Data, store};
use self::ticker::Ticker;
use crate::host::{Exchange, Memory as _, Slice};
use crate::instance::CoreInstance;
use crate::runtime::{DEADLINE_MILLIS, Instance, MAX_MEMORY, Program, Runtime};

/// The configurations.
#[derive(Debug, Clone, Copy)]
pub enum Setup {
    /// Cranelift, instances from a pool.
    Pooling,
    /// Cranelift, memory from the operating system for each instance.
    OnDemand,
    /// Pulley, instances from a pool.
    Pulley,
}

/// wasmtime with its ticker.
pub struct Wasmtime {
    engine: Engine,
    ticker: Ticker,
}

impl Wasmtime {
    /// Creates the engine, and reserves the pool if the configuration has one.
    pub fn new(setup: Setup) -> Result<Self> {
        let engine = Engine::new(&config(setup)?)?;
        let ticker = Ticker::start(engine.clone());
        Ok(Self { engine, ticker })
    }
}

/// Returns the configuration. Proposals, stack and memory initialization are those of the engine of
/// k8s-wasm.
fn config(setup: Setup) -> Result<Config> {
    let mut config = Config::new();
    config
        .gc_support(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        .wasm_threads(false)
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        .epoch_interruption(true)
        .max_wasm_stack(512 << 10)
        .memory_init_cow(true);
    if let Setup::Pooling | Setup::Pulley = setup {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    }
    if let Setup::Pulley = setup {
        config.target("pulley64")?;
    }
    Ok(config)
}

/// Returns a pool for few instances: one is measured at a time, and a component has several.
fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(16)
        .total_component_instances(4)
        .total_memories(8)
        .total_tables(16)
        .total_gc_heaps(0)
        .max_core_instance_size(8 << 20)
        .max_component_instance_size(8 << 20)
        .max_memory_size(MAX_MEMORY)
        .table_elements(100_000)
        .max_unused_warm_slots(8)
        .linear_memory_keep_resident(2 << 20)
        .table_keep_resident(2 << 20)
        .pagemap_scan(Enabled::Auto);
    pool
}

impl Runtime for Wasmtime {
    fn compile(&self, wasm: &[u8]) -> Result<Box<dyn Program>> {
        if wasmparser::Parser::is_component(wasm) {
            return Ok(Box::new(Component::compile(&self.engine, wasm)?));
        }
        let module = Module::new(&self.engine, wasm)?;
        let linker = link::linker(&self.engine, &module)?;
        let pre = linker.instantiate_pre(&module)?;
        Ok(Box::new(Compiled { pre }))
    }

    fn set_busy(&self, busy: bool) {
        self.ticker.set_busy(busy);
    }
}

struct Compiled {
    pre: InstancePre<Data>,
}

impl Program for Compiled {
    fn start(&self) -> Result<Box<dyn Instance + '_>> {
        let mut store = store(self.pre.module().engine());
        let instance = self.pre.instantiate(&mut store)?;
        let memory = instance
            .get_memory(&mut store, "memory")
            .context("the guest exports no memory")?;
        let mut running = Running {
            store,
            instance,
            memory,
            alloc: None,
            raw: None,
            guest_call: None,
        };
        if running
            .instance
            .get_export(&mut running.store, "_initialize")
            .is_some()
        {
            running.run("_initialize")?;
        }
        Ok(Box::new(running))
    }

    fn code_bytes(&self) -> Result<Option<u64>> {
        let text = self.pre.module().text();
        Ok(Some(u64::try_from(text.len())?))
    }
}

struct Running {
    store: Store<Data>,
    instance: wasmtime::Instance,
    memory: Memory,
    alloc: Option<Rc<TypedFunc<u32, u32>>>,
    raw: Option<Rc<TypedFunc<(u32, u32), u64>>>,
    guest_call: Option<Rc<TypedFunc<(u32, u32), u32>>>,
}

/// Returns an export, which is looked up once for each instance.
fn export<P: WasmParams, R: WasmResults>(
    found: &mut Option<Rc<TypedFunc<P, R>>>,
    instance: wasmtime::Instance,
    store: &mut Store<Data>,
    name: &str,
) -> Result<Rc<TypedFunc<P, R>>> {
    if let Some(function) = found {
        return Ok(Rc::clone(function));
    }
    let function = Rc::new(instance.get_typed_func(store, name)?);
    Ok(Rc::clone(found.insert(function)))
}

impl CoreInstance for Running {
    fn arm(&mut self) -> Result<()> {
        self.store.set_epoch_deadline(DEADLINE_MILLIS);
        Ok(())
    }

    fn run(&mut self, name: &str) -> Result<()> {
        let function = self
            .instance
            .get_typed_func::<(), ()>(&mut self.store, name)?;
        Ok(function.call(&mut self.store, ())?)
    }

    fn alloc(&mut self, length: u32) -> Result<u32> {
        let function = export(&mut self.alloc, self.instance, &mut self.store, "alloc")?;
        Ok(function.call(&mut self.store, length)?)
    }

    fn raw(&mut self, at: u32, length: u32) -> Result<u64> {
        let function = export(&mut self.raw, self.instance, &mut self.store, "raw")?;
        Ok(function.call(&mut self.store, (at, length))?)
    }

    fn guest_call(&mut self, operation: u32, length: u32) -> Result<u32> {
        let found = &mut self.guest_call;
        let function = export(found, self.instance, &mut self.store, "__guest_call")?;
        Ok(function.call(&mut self.store, (operation, length))?)
    }

    fn read(&mut self, at: u32, into: &mut [u8]) -> Result<()> {
        Slice(self.memory.data_mut(&mut self.store)).read(at, into)
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<()> {
        Slice(self.memory.data_mut(&mut self.store)).write(at, bytes)
    }

    fn exchange(&mut self) -> &mut Exchange {
        &mut self.store.data_mut().exchange
    }
}
