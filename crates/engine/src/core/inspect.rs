//! What a module says about itself, read from its bytes: nothing is compiled or run.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use thiserror::Error;

use crate::{ByteSize, Digest};

mod read;

/// Reads what the module exports, imports and carries along. It is not validated: that is
/// [`Engine::load`](crate::Engine::load).
///
/// # Errors
/// When the bytes are not a core WebAssembly module, or its sections cannot be read.
pub fn inspect(wasm: &[u8]) -> Result<Inspection, InspectError> {
    read::check_header(wasm)?;
    read::inspection(wasm).map_err(InspectError::Malformed)
}

/// What a module says about itself.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The SHA-256 of the bytes.
    pub digest: Digest,
    /// How long the bytes are.
    pub size: ByteSize,
    /// What the module wants from its host, in the order of the module.
    pub imports: Vec<Import>,
    /// What the module offers, in the order of the module.
    pub exports: Vec<Export>,
    /// The linear memories that the module defines itself.
    pub memories: Vec<MemoryType>,
    /// The tables that the module defines itself.
    pub tables: Vec<TableType>,
    /// The custom sections, in the order of the module.
    pub custom_sections: Vec<CustomSection>,
}

impl Inspection {
    /// The export of this name. Names are unique in a valid module.
    pub fn export(&self, name: &str) -> Option<&Export> {
        self.exports.iter().find(|export| export.name == name)
    }

    /// Whether functions have names, so that a trap can say where it happened.
    pub fn has_function_names(&self) -> bool {
        self.custom_sections
            .iter()
            .any(|section| section.name == "name")
    }
}

/// Something that a module wants from its host.
#[derive(Clone, Debug)]
pub struct Import {
    /// The name of the set, like `wasi_snapshot_preview1`.
    pub module: String,
    /// The name in the set.
    pub name: String,
    /// What it must be.
    pub ty: ExternType,
}

/// Something that a module offers to its host.
#[derive(Clone, Debug)]
pub struct Export {
    /// Its name.
    pub name: String,
    /// What it is.
    pub ty: ExternType,
}

/// What an import or export is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExternType {
    /// A function. Shared: thousands of imports can name one long signature.
    Function(Arc<FunctionType>),
    /// A linear memory.
    Memory(MemoryType),
    /// A table.
    Table(TableType),
    /// A global variable.
    Global,
    /// An exception tag.
    Tag,
}

impl fmt::Display for ExternType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function(ty) => write!(f, "function {ty}"),
            Self::Memory(ty) => write!(f, "memory {ty}"),
            Self::Table(ty) => write!(f, "table {ty}"),
            Self::Global => f.write_str("global"),
            Self::Tag => f.write_str("tag"),
        }
    }
}

/// The signature of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionType {
    /// What it takes.
    pub params: Vec<ValueType>,
    /// What it answers.
    pub results: Vec<ValueType>,
}

impl FunctionType {
    /// Whether it takes and answers nothing: the signature of an entry point.
    pub fn is_nullary(&self) -> bool {
        self.params.is_empty() && self.results.is_empty()
    }
}

impl fmt::Display for FunctionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        write_list(f, &self.params)?;
        f.write_str(")")?;
        match self.results.as_slice() {
            [] => Ok(()),
            [one] => write!(f, " -> {one}"),
            many => {
                f.write_str(" -> (")?;
                write_list(f, many)?;
                f.write_str(")")
            }
        }
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, types: &[ValueType]) -> fmt::Result {
    for (n, ty) in types.iter().enumerate() {
        if n > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{ty}")?;
    }
    Ok(())
}

/// The type of a parameter or result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// A 32-bit integer, also a pointer.
    I32,
    /// A 64-bit integer.
    I64,
    /// A 32-bit float.
    F32,
    /// A 64-bit float.
    F64,
    /// A 128-bit vector.
    V128,
    /// A reference of any kind.
    Reference,
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::V128 => "v128",
            Self::Reference => "reference",
        })
    }
}

/// How large a linear memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryType {
    /// Its size when an instance begins.
    pub initial: ByteSize,
    /// What the module itself limits it to.
    pub maximum: Option<ByteSize>,
}

impl fmt::Display for MemoryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "of {}", self.initial)?;
        self.maximum
            .map_or(Ok(()), |maximum| write!(f, " to {maximum}"))
    }
}

/// How large a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableType {
    /// Its elements when an instance begins.
    pub initial: u64,
    /// What the module itself limits it to, in elements.
    pub maximum: Option<u64>,
}

impl fmt::Display for TableType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "of {}", self.initial)?;
        self.maximum
            .map_or(Ok(()), |maximum| write!(f, " to {maximum}"))?;
        f.write_str(" elements")
    }
}

/// Bytes that a module carries along: names, metadata, debug information.
#[derive(Clone, Debug)]
pub struct CustomSection {
    /// Its name.
    pub name: String,
    /// Where its content is in the bytes that were inspected.
    pub range: Range<usize>,
}

/// The bytes cannot be inspected.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InspectError {
    /// No bytes at all.
    #[error("the file is empty")]
    Empty,
    /// The text format, which has to be assembled first.
    #[error(
        "this is WebAssembly text, not a binary module: assemble it first, for instance with `wasm-tools parse`"
    )]
    Text,
    /// A component (WASI preview 2).
    #[error(
        "this is a WebAssembly component, not a core module: build for the target wasm32-wasip1"
    )]
    Component,
    /// A module of another version than 1.
    #[error("this is a WebAssembly binary of the unknown version {0}")]
    Version(u16),
    /// Anything else.
    #[error("this is not a WebAssembly module: it does not begin with `\\0asm`")]
    NotWasm,
    /// A module, but damaged.
    #[error("the module is malformed")]
    Malformed(#[source] Malformed),
}

/// Where and how a module is damaged.
#[derive(Debug, Error)]
#[error("{message} (at offset {offset:#x})")]
pub struct Malformed {
    /// What is wrong.
    pub message: String,
    /// Where, from the beginning of the bytes.
    pub offset: usize,
}
