//! A parser that reads the sections of a module into an [`Inspection`].

use std::sync::Arc;

use wasmparser::{
    BinaryReaderError, CompositeInnerType, ExternalKind, Parser, Payload, TypeRef, ValType,
};

use crate::core::byte_size::ByteSize;
use crate::core::digest::Digest;
use crate::core::inspect::types::{
    CustomSection, Export, ExternType, FunctionType, Import, InspectError, Inspection, Malformed,
    MemoryType, TableType, ValueType,
};

/// Checks the first eight bytes: `\0asm`, the version, and the layer (0 for modules, 1 for
/// components).
pub(super) fn check_header(wasm: &[u8]) -> Result<(), InspectError> {
    let trimmed = wasm.trim_ascii_start();
    match wasm {
        [] => Err(InspectError::Empty),
        [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => Ok(()),
        [b'\0', b'a', b's', b'm', _, _, 1, 0, ..] => Err(InspectError::Component),
        [b'\0', b'a', b's', b'm', low, high, _, _, ..] => {
            Err(InspectError::Version(u16::from_le_bytes([*low, *high])))
        }
        _ if trimmed.starts_with(b"(") || trimmed.starts_with(b";;") => Err(InspectError::Text),
        _ => Err(InspectError::NotWasm),
    }
}

/// Reads all sections.
pub(super) fn inspection(wasm: &[u8]) -> Result<Inspection, Malformed> {
    let mut sections = Sections::default();
    let mut inspection = Inspection {
        digest: Digest::compute(wasm),
        size: ByteSize::from_len(wasm.len()),
        imports: Vec::new(),
        exports: Vec::new(),
        memories: Vec::new(),
        tables: Vec::new(),
        custom_sections: Vec::new(),
    };
    for payload in Parser::new(0).parse_all(wasm) {
        sections.read(payload?, &mut inspection)?;
    }
    Ok(inspection)
}

/// The index spaces read so far. The order of sections guarantees that an index is defined before
/// it is used.
#[derive(Default)]
struct Sections {
    types: Vec<Option<Arc<FunctionType>>>,
    functions: Vec<u32>,
    memories: Vec<MemoryType>,
    tables: Vec<TableType>,
}

impl Sections {
    fn read(&mut self, payload: Payload<'_>, into: &mut Inspection) -> Result<(), Malformed> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section {
                    self.types.extend(
                        group?
                            .into_types()
                            .map(|ty| function_type(&ty.composite_type.inner)),
                    );
                }
            }
            Payload::ImportSection(section) => {
                let offset = section.range().start;
                for import in section.into_imports() {
                    into.imports.push(self.import(import?, offset)?);
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    self.functions.push(ty?);
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    let ty = table_type(table?.ty);
                    self.tables.push(ty);
                    into.tables.push(ty);
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    let ty = memory_type(memory?);
                    self.memories.push(ty);
                    into.memories.push(ty);
                }
            }
            Payload::ExportSection(section) => {
                let offset = section.range().start;
                for export in section {
                    into.exports.push(self.export(export?, offset)?);
                }
            }
            Payload::CustomSection(section) => into.custom_sections.push(CustomSection {
                name: section.name().to_owned(),
                range: section.data_offset()..section.range().end,
            }),
            _ => {}
        }
        Ok(())
    }

    fn import(
        &mut self,
        import: wasmparser::Import<'_>,
        offset: usize,
    ) -> Result<Import, Malformed> {
        let ty = match import.ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                self.functions.push(ty);
                self.function(ty, offset)?
            }
            TypeRef::Table(ty) => {
                self.tables.push(table_type(ty));
                ExternType::Table(table_type(ty))
            }
            TypeRef::Memory(ty) => {
                self.memories.push(memory_type(ty));
                ExternType::Memory(memory_type(ty))
            }
            TypeRef::Global(_) => ExternType::Global,
            TypeRef::Tag(_) => ExternType::Tag,
        };
        Ok(Import {
            module: import.module.to_owned(),
            name: import.name.to_owned(),
            ty,
        })
    }

    fn export(&self, export: wasmparser::Export<'_>, offset: usize) -> Result<Export, Malformed> {
        let missing = || {
            malformed(
                format!(
                    "the export `{}` refers to an item that does not exist",
                    export.name
                ),
                offset,
            )
        };
        let index = usize::try_from(export.index).map_err(|_| missing())?;
        let ty = match export.kind {
            ExternalKind::Func | ExternalKind::FuncExact => {
                self.function(*self.functions.get(index).ok_or_else(missing)?, offset)?
            }
            ExternalKind::Table => ExternType::Table(*self.tables.get(index).ok_or_else(missing)?),
            ExternalKind::Memory => {
                ExternType::Memory(*self.memories.get(index).ok_or_else(missing)?)
            }
            ExternalKind::Global => ExternType::Global,
            ExternalKind::Tag => ExternType::Tag,
        };
        Ok(Export {
            name: export.name.to_owned(),
            ty,
        })
    }

    fn function(&self, ty: u32, offset: usize) -> Result<ExternType, Malformed> {
        let found = usize::try_from(ty)
            .ok()
            .and_then(|ty| self.types.get(ty))
            .and_then(Option::as_ref);
        match found {
            Some(found) => Ok(ExternType::Function(Arc::clone(found))),
            None => Err(malformed(
                format!("type {ty} is not a function type"),
                offset,
            )),
        }
    }
}

fn function_type(ty: &CompositeInnerType) -> Option<Arc<FunctionType>> {
    let CompositeInnerType::Func(ty) = ty else {
        return None;
    };
    let params = ty.params().iter().map(value_type).collect();
    let results = ty.results().iter().map(value_type).collect();
    Some(Arc::new(FunctionType { params, results }))
}

fn value_type(ty: &ValType) -> ValueType {
    match ty {
        ValType::I32 => ValueType::I32,
        ValType::I64 => ValueType::I64,
        ValType::F32 => ValueType::F32,
        ValType::F64 => ValueType::F64,
        ValType::V128 => ValueType::V128,
        ValType::Ref(_) => ValueType::Reference,
    }
}

fn memory_type(ty: wasmparser::MemoryType) -> MemoryType {
    let page = 1u64
        .checked_shl(ty.page_size_log2.unwrap_or(16))
        .unwrap_or(u64::MAX);
    let bytes = |pages: u64| ByteSize::from_bytes(pages.saturating_mul(page));
    MemoryType {
        initial: bytes(ty.initial),
        maximum: ty.maximum.map(bytes),
    }
}

fn table_type(ty: wasmparser::TableType) -> TableType {
    TableType {
        initial: ty.initial,
        maximum: ty.maximum,
    }
}

fn malformed(message: String, offset: usize) -> Malformed {
    Malformed { message, offset }
}

impl From<BinaryReaderError> for Malformed {
    fn from(error: BinaryReaderError) -> Self {
        malformed(error.message().to_owned(), error.offset())
    }
}
