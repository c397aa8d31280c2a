//! The engine: loads modules and owns what they share.

use std::fmt;
use std::sync::Arc;

use crate::core::byte_size::ByteSize;
use crate::core::imports::{ImportAlias, ImportSet};
use crate::core::module::{LoadError, Module};
use crate::core::options::{NewError, Options};
use crate::core::runtime::Runtime;
use crate::core::usage::Usage;

/// An engine that compiles modules and runs their calls. Cloning is cheap; a clone is the same
/// engine. Modules keep their engine alive.
///
/// An engine has one pool of instances. Modules that must not share a pool belong in different
/// engines: for example, modules that see raw tokens, and untrusted modules.
///
/// ```
/// use engine::{ByteSize, Engine, Options};
///
/// let engine = Engine::new(Options {
///     max_memory: ByteSize::mib(256),
///     max_queued_calls: 100,
///     ..Options::default()
/// })?;
/// assert_eq!(engine.max_memory(), ByteSize::mib(256));
/// assert_eq!(engine.usage().queued_limit, 100);
/// # Ok::<(), engine::NewError>(())
/// ```
#[derive(Clone)]
pub struct Engine {
    runtime: Arc<Runtime>,
}

impl Engine {
    /// Creates an engine whose modules can import from `imports`: the import sets of all calling
    /// conventions, one slice per convention.
    pub(crate) fn with_imports(
        options: Options,
        imports: &'static [&'static [ImportSet]],
    ) -> Result<Self, NewError> {
        Ok(Self {
            runtime: Arc::new(Runtime::new(options, imports)?),
        })
    }

    /// Validates and compiles a module, or takes its code from the code cache. Blocks while it
    /// compiles: milliseconds for a small module, seconds for a large one.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use engine::{Engine, Options};
    ///
    /// let engine = Engine::new(Options::default())?;
    /// let module = engine.load(&wat::parse_str(r#"(module (func (export "authn")))"#)?)?;
    /// assert!(module.has_function("authn"));
    ///
    /// let unknown = wat::parse_str(r#"(module (import "env" "log" (func)))"#)?;
    /// let error = engine.load(&unknown).unwrap_err();
    /// assert!(error.to_string().starts_with("unknown import `env.log`"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns an error if the bytes are not a module that can run in this engine. The error names
    /// the import, export or size that is wrong.
    pub fn load(&self, wasm: &[u8]) -> Result<Module, LoadError> {
        self.load_with_aliases(wasm, &[])
    }

    /// Loads a module like [`Engine::load`]. The module can also import sets of host functions
    /// under the names in `aliases`.
    ///
    /// # Errors
    /// Returns an error if the bytes are not a module that can run in this engine.
    pub fn load_with_aliases(
        &self,
        wasm: &[u8],
        aliases: &'static [ImportAlias],
    ) -> Result<Module, LoadError> {
        Module::load(Arc::clone(&self.runtime), wasm, aliases)
    }

    /// Returns the maximum memory of a call. It caps [`Limits::memory`](crate::Limits::memory).
    pub fn max_memory(&self) -> ByteSize {
        self.runtime.max_memory
    }

    /// Returns the current load, and totals since the engine was created.
    pub fn usage(&self) -> Usage {
        self.runtime.usage()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Engine").field(&self.usage()).finish()
    }
}
