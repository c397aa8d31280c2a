//! wasmer: two compilers, with a middleware that counts instructions and tunables that limit memory.

mod link;
mod store;
mod tunables;

use std::sync::Arc;

use anyhow::Result;
use wasmer::sys::{BaseTunables, CompilerConfig, Cranelift, EngineBuilder, Singlepass};
use wasmer::wasmparser::Operator;
use wasmer::{FunctionEnv, Memory, Module, Store, TypedFunction, WasmTypeList};
use wasmer_middlewares::Metering;
use wasmer_middlewares::metering::set_remaining_points;

use self::store::{Data, View};
use self::tunables::Bounded;
use crate::host::{Exchange, Memory as _};
use crate::instance::CoreInstance;
use crate::runtime::{FUEL, Instance, Program, Runtime};

/// The compilers.
#[derive(Debug, Clone, Copy)]
pub enum Compiler {
    /// An optimizing compiler.
    Cranelift,
    /// A single-pass compiler.
    Singlepass,
}

/// wasmer with one of its compilers.
pub struct Wasmer {
    compiler: Compiler,
}

impl Wasmer {
    /// Creates the runtime. Each module has its own engine, because the metering middleware belongs to
    /// one module.
    pub fn new(compiler: Compiler) -> Self {
        Self { compiler }
    }

    fn engine(&self) -> wasmer::Engine {
        let metering = Arc::new(Metering::new(FUEL, |_: &Operator<'_>| 1));
        let mut config: Box<dyn CompilerConfig> = match self.compiler {
            Compiler::Cranelift => Box::new(Cranelift::default()),
            Compiler::Singlepass => Box::new(Singlepass::default()),
        };
        config.push_middleware(metering);
        let mut engine = EngineBuilder::new(config).engine();
        let base = BaseTunables::for_target(engine.target());
        engine.set_tunables(Bounded(base));
        engine.into()
    }
}

impl Runtime for Wasmer {
    fn compile(&self, wasm: &[u8]) -> Result<Box<dyn Program>> {
        let engine = self.engine();
        let module = Module::new(&engine, wasm)?;
        Ok(Box::new(Compiled { engine, module }))
    }
}

struct Compiled {
    engine: wasmer::Engine,
    module: Module,
}

impl Program for Compiled {
    /// Creates the functions of the host anew for each instance, because a store owns its functions.
    fn start(&self) -> Result<Box<dyn Instance + '_>> {
        let mut store = Store::new(self.engine.clone());
        let data = FunctionEnv::new(&mut store, Data::default());
        let imports = link::imports(&mut store, &data, &self.module);
        let instance = wasmer::Instance::new(&mut store, &self.module, &imports)?;
        let memory = instance.exports.get_memory("memory")?.clone();
        data.as_mut(&mut store).memory = Some(memory.clone());
        let mut running = Running {
            store,
            data,
            instance,
            memory,
            alloc: None,
            raw: None,
            guest_call: None,
        };
        running.arm()?;
        if running.instance.exports.get_function("_initialize").is_ok() {
            running.run("_initialize")?;
        }
        Ok(Box::new(running))
    }

    fn code_bytes(&self) -> Result<Option<u64>> {
        Ok(Some(u64::try_from(self.module.serialize()?.len())?))
    }
}

struct Running {
    store: Store,
    data: FunctionEnv<Data>,
    instance: wasmer::Instance,
    memory: Memory,
    alloc: Option<TypedFunction<u32, u32>>,
    raw: Option<TypedFunction<(u32, u32), u64>>,
    guest_call: Option<TypedFunction<(u32, u32), u32>>,
}

/// Returns an export, which is looked up once for each instance.
fn export<P: WasmTypeList + Clone, R: WasmTypeList + Clone>(
    found: &mut Option<TypedFunction<P, R>>,
    instance: &wasmer::Instance,
    store: &Store,
    name: &str,
) -> Result<TypedFunction<P, R>> {
    if let Some(function) = found {
        return Ok(function.clone());
    }
    let function = instance.exports.get_typed_function(store, name)?;
    Ok(found.insert(function).clone())
}

impl CoreInstance for Running {
    fn arm(&mut self) -> Result<()> {
        set_remaining_points(&mut self.store, &self.instance, FUEL);
        Ok(())
    }

    fn run(&mut self, name: &str) -> Result<()> {
        let exports = &self.instance.exports;
        let function: TypedFunction<(), ()> = exports.get_typed_function(&self.store, name)?;
        Ok(function.call(&mut self.store)?)
    }

    fn alloc(&mut self, length: u32) -> Result<u32> {
        let function = export(&mut self.alloc, &self.instance, &self.store, "alloc")?;
        Ok(function.call(&mut self.store, length)?)
    }

    fn raw(&mut self, at: u32, length: u32) -> Result<u64> {
        let function = export(&mut self.raw, &self.instance, &self.store, "raw")?;
        Ok(function.call(&mut self.store, at, length)?)
    }

    fn guest_call(&mut self, operation: u32, length: u32) -> Result<u32> {
        let found = &mut self.guest_call;
        let function = export(found, &self.instance, &self.store, "__guest_call")?;
        Ok(function.call(&mut self.store, operation, length)?)
    }

    fn read(&mut self, at: u32, into: &mut [u8]) -> Result<()> {
        View(self.memory.view(&self.store)).read(at, into)
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<()> {
        View(self.memory.view(&self.store)).write(at, bytes)
    }

    fn exchange(&mut self) -> &mut Exchange {
        &mut self.data.as_mut(&mut self.store).exchange
    }
}
