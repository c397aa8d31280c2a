//! wasmi: an interpreter in Rust, which counts fuel instead of time.

mod link;
mod store;

use anyhow::{Context as _, Result};
use wasmi::{Config, Engine, Linker, Memory, Module, Store, TypedFunc, WasmParams, WasmResults};

use self::store::{Data, store};
use crate::host::{Exchange, Memory as _, Slice};
use crate::instance::CoreInstance;
use crate::runtime::{FUEL, Instance, Program, Runtime};

/// wasmi with fuel.
pub struct Wasmi {
    engine: Engine,
}

impl Wasmi {
    /// Creates the engine with default settings and fuel.
    pub fn new() -> Self {
        let mut config = Config::default();
        config.consume_fuel(true);
        Self {
            engine: Engine::new(&config),
        }
    }
}

impl Runtime for Wasmi {
    fn compile(&self, wasm: &[u8]) -> Result<Box<dyn Program>> {
        let module = Module::new(&self.engine, wasm)?;
        let linker = link::linker(&self.engine, &module)?;
        Ok(Box::new(Compiled {
            engine: self.engine.clone(),
            module,
            linker,
        }))
    }
}

struct Compiled {
    engine: Engine,
    module: Module,
    linker: Linker<Data>,
}

impl Program for Compiled {
    fn start(&self) -> Result<Box<dyn Instance + '_>> {
        let mut store = store(&self.engine)?;
        let instance = self
            .linker
            .instantiate_and_start(&mut store, &self.module)?;
        let memory = instance
            .get_memory(&store, "memory")
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
            .get_func(&running.store, "_initialize")
            .is_some()
        {
            running.run("_initialize")?;
        }
        Ok(Box::new(running))
    }

    fn code_bytes(&self) -> Result<Option<u64>> {
        Ok(None)
    }
}

struct Running {
    store: Store<Data>,
    instance: wasmi::Instance,
    memory: Memory,
    alloc: Option<TypedFunc<u32, u32>>,
    raw: Option<TypedFunc<(u32, u32), u64>>,
    guest_call: Option<TypedFunc<(u32, u32), u32>>,
}

/// Returns an export, which is looked up once for each instance.
fn export<P: WasmParams, R: WasmResults>(
    found: &mut Option<TypedFunc<P, R>>,
    instance: wasmi::Instance,
    store: &Store<Data>,
    name: &str,
) -> Result<TypedFunc<P, R>> {
    if let Some(function) = found {
        return Ok(*function);
    }
    Ok(*found.insert(instance.get_typed_func(store, name)?))
}

impl CoreInstance for Running {
    fn arm(&mut self) -> Result<()> {
        Ok(self.store.set_fuel(FUEL)?)
    }

    fn run(&mut self, name: &str) -> Result<()> {
        let function = self.instance.get_typed_func::<(), ()>(&self.store, name)?;
        Ok(function.call(&mut self.store, ())?)
    }

    fn alloc(&mut self, length: u32) -> Result<u32> {
        let function = export(&mut self.alloc, self.instance, &self.store, "alloc")?;
        Ok(function.call(&mut self.store, length)?)
    }

    fn raw(&mut self, at: u32, length: u32) -> Result<u64> {
        let function = export(&mut self.raw, self.instance, &self.store, "raw")?;
        Ok(function.call(&mut self.store, (at, length))?)
    }

    fn guest_call(&mut self, operation: u32, length: u32) -> Result<u32> {
        let found = &mut self.guest_call;
        let function = export(found, self.instance, &self.store, "__guest_call")?;
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
