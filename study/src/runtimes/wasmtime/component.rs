//! Components in wasmtime.

use anyhow::{Context as _, Result, ensure};
use wasmtime::component::{self, ComponentExportIndex, Func, InstancePre, Linker, TypedFunc};
use wasmtime::{Engine, Store};

use super::store::{Data, store};
use crate::convention::Convention;
use crate::runtime::{DEADLINE_MILLIS, Instance, Program};

/// A compiled component.
pub struct Component {
    pre: InstancePre<Data>,
    answer: ComponentExportIndex,
}

impl Component {
    /// Compiles a component. Its imports of WASI 0.2 trap; no program of the study calls them.
    pub fn compile(engine: &Engine, wasm: &[u8]) -> Result<Self> {
        let component = component::Component::new(engine, wasm)?;
        let answer = component
            .get_export_index(None, "answer")
            .context("the component exports no `answer`")?;
        let mut linker = Linker::new(engine);
        linker.define_unknown_imports_as_traps(&component)?;
        let pre = linker.instantiate_pre(&component)?;
        Ok(Self { pre, answer })
    }
}

impl Program for Component {
    fn start(&self) -> Result<Box<dyn Instance + '_>> {
        let mut store = store(self.pre.engine());
        let instance = self.pre.instantiate(&mut store)?;
        let answer = instance
            .get_func(&mut store, self.answer)
            .context("the export `answer` is not a function")?;
        // Checks the type once, for all calls.
        answer.typed::<(&[u8],), (Vec<u8>,)>(&store)?;
        Ok(Box::new(Running { store, answer }))
    }

    fn code_bytes(&self) -> Result<Option<u64>> {
        Ok(Some(u64::try_from(self.pre.component().text().len())?))
    }
}

struct Running {
    store: Store<Data>,
    answer: Func,
}

impl Instance for Running {
    fn call(&mut self, convention: Convention, input: &[u8]) -> Result<Vec<u8>> {
        ensure!(
            convention == Convention::Component,
            "a component is not a core module"
        );
        self.store.set_epoch_deadline(DEADLINE_MILLIS);
        #[allow(
            unsafe_code,
            reason = "wasmtime's generated bindings use functions in the same way"
        )]
        // SAFETY: `start` has checked the type.
        let answer = unsafe { TypedFunc::<(&[u8],), (Vec<u8>,)>::new_unchecked(self.answer) };
        let (output,) = answer.call(&mut self.store, (input,))?;
        Ok(output)
    }
}
