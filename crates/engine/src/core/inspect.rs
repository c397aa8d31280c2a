//! Inspection of a module's bytes, without compiling or running it.

mod read;
mod types;

pub use types::{
    CustomSection, Export, ExternType, FunctionType, Import, InspectError, Inspection, Malformed,
    MemoryType, TableType, ValueType,
};

/// Reads the interface and the sections of a module. Does not validate the code;
/// [`Engine::load`](crate::Engine::load) does.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let wasm = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "authn")))"#)?;
/// let inspection = engine::inspect(&wasm)?;
///
/// let exports: Vec<_> = inspection
///     .exports
///     .iter()
///     .map(|export| format!("{}: {}", export.name, export.ty))
///     .collect();
/// assert_eq!(exports, ["memory: memory of 64Ki", "authn: function ()"]);
///
/// let error = engine::inspect(b"\x7fELF").unwrap_err();
/// assert!(matches!(error, engine::InspectError::NotWasm));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Returns an error if the bytes are not a core WebAssembly module, or a section is malformed.
pub fn inspect(wasm: &[u8]) -> Result<Inspection, InspectError> {
    read::check_header(wasm)?;
    read::inspection(wasm).map_err(InspectError::Malformed)
}
