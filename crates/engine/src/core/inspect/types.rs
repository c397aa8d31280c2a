//! Types that describe a module's interface and sections.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::core::byte_size::ByteSize;
use crate::core::digest::Digest;

/// The interface and the sections of a module.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// SHA-256 digest of the bytes.
    pub digest: Digest,
    /// Length of the bytes.
    pub size: ByteSize,
    /// Imports, in the order of the module.
    pub imports: Vec<Import>,
    /// Exports, in the order of the module.
    pub exports: Vec<Export>,
    /// Linear memories that the module defines.
    pub memories: Vec<MemoryType>,
    /// Tables that the module defines.
    pub tables: Vec<TableType>,
    /// Custom sections, in the order of the module.
    pub custom_sections: Vec<CustomSection>,
}

impl Inspection {
    /// Returns the export named `name`. Export names are unique in a valid module.
    pub fn export(&self, name: &str) -> Option<&Export> {
        self.exports.iter().find(|export| export.name == name)
    }

    /// Returns true if the module has a name section, so that backtraces contain function names.
    pub fn has_function_names(&self) -> bool {
        self.custom_sections
            .iter()
            .any(|section| section.name == "name")
    }
}

/// An import of a module.
#[derive(Debug, Clone)]
pub struct Import {
    /// Module name of the import, such as `wasi_snapshot_preview1`.
    pub module: String,
    /// Name of the import.
    pub name: String,
    /// Required type.
    pub ty: ExternType,
}

/// An export of a module.
#[derive(Debug, Clone)]
pub struct Export {
    /// Name of the export.
    pub name: String,
    /// Type of the export.
    pub ty: ExternType,
}

/// The type of an import or export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExternType {
    /// A function. Its type is shared: thousands of imports can have the same long signature.
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FunctionType {
    /// Parameter types.
    pub params: Vec<ValueType>,
    /// Result types.
    pub results: Vec<ValueType>,
}

impl FunctionType {
    /// Returns true if the function has no parameters and no results, like an entry point.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// The size of a linear memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryType {
    /// Initial size.
    pub initial: ByteSize,
    /// Maximum size that the module declares.
    pub maximum: Option<ByteSize>,
}

impl fmt::Display for MemoryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "of {}", self.initial)?;
        self.maximum
            .map_or(Ok(()), |maximum| write!(f, " to {maximum}"))
    }
}

/// The size of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableType {
    /// Initial number of elements.
    pub initial: u64,
    /// Maximum number of elements that the module declares.
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

/// A custom section: names, metadata or debug information.
#[derive(Debug, Clone)]
pub struct CustomSection {
    /// Name of the section.
    pub name: String,
    /// Position of the content in the inspected bytes.
    pub range: Range<usize>,
}

/// An error for bytes that are not a WebAssembly module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// The bytes are in the text format, which must be assembled first.
    #[error(
        "this is WebAssembly text, not a binary module: assemble it first, for instance with `wasm-tools parse`"
    )]
    Text,
    /// The bytes are a component (WASI preview 2).
    #[error(
        "this is a WebAssembly component, not a core module: build for the target wasm32-wasip1"
    )]
    Component,
    /// The version of the binary format is not 1.
    #[error("this is a WebAssembly binary of the unknown version {0}")]
    Version(u16),
    /// The bytes do not begin with the WebAssembly magic number.
    #[error("this is not a WebAssembly module: it does not begin with `\\0asm`")]
    NotWasm,
    /// The module is malformed.
    #[error("the module is malformed")]
    Malformed(#[source] Malformed),
}

/// The defect of a malformed module.
#[derive(Debug, thiserror::Error)]
#[error("{message} (at offset {offset:#x})")]
pub struct Malformed {
    /// Description of the defect.
    pub message: String,
    /// Offset from the beginning of the bytes.
    pub offset: usize,
}
