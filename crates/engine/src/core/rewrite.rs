//! Rewrites of module binaries: imported memories and custom sections.

use std::borrow::Cow;

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{CustomSection, ImportSection, MemorySection, RawSection, SectionId};
use wasmparser::{BinaryReaderError, MemoryType, Parser, Payload, TypeRef};

use crate::core::inspect::{InspectError, Malformed, inspect};

/// Returns the module with exactly one custom section named `name`, at its end. It replaces all
/// sections of that name.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let wasm = wat::parse_str(r#"(module (@custom "metadata" "old"))"#)?;
/// let wasm = engine::replace_custom_section(&wasm, "metadata", b"new")?;
///
/// let sections = engine::inspect(&wasm)?.custom_sections;
/// assert_eq!(sections.len(), 1);
/// assert_eq!(&wasm[sections[0].range.clone()], b"new");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Returns an error if the bytes are not a module.
pub fn replace_custom_section(
    wasm: &[u8],
    name: &str,
    content: &[u8],
) -> Result<Vec<u8>, InspectError> {
    inspect(wasm)?;
    let mut out = wasm_encoder::Module::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(|error| InspectError::Malformed(Malformed::from(error)))?;
        let is_old = matches!(&payload, Payload::CustomSection(section) if section.name() == name);
        if let (false, Some((id, range))) = (is_old, payload.as_section()) {
            let data = wasm.get(range).unwrap_or_default();
            out.section(&RawSection { id, data });
        }
    }
    let section = CustomSection {
        name: name.into(),
        data: content.into(),
    };
    out.section(&section);
    Ok(out.finish())
}

/// The import of a memory by its two names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MemoryName<'a> {
    pub(crate) module: &'a str,
    pub(crate) name: &'a str,
}

/// Returns the module with a memory of its own in place of the imported memory `name`; unchanged if
/// it does not import that memory.
///
/// The index of the memory stays the same, so code does not change. Data segments become part of
/// the image that instances are created from. The initial size is at least `min_pages`.
pub(crate) fn define_imported_memory<'a>(
    wasm: &'a [u8],
    name: MemoryName<'_>,
    min_pages: u64,
) -> Result<Cow<'a, [u8]>, BinaryReaderError> {
    let Some(mut memory) = imported_memory(wasm, name)? else {
        return Ok(Cow::Borrowed(wasm));
    };
    memory.initial = memory.initial.max(min_pages);
    memory.maximum = memory.maximum.map(|maximum| maximum.max(min_pages));
    let mut out = wasm_encoder::Module::new();
    let mut memory = Some(memory);
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        let Some((id, range)) = payload.as_section() else {
            continue;
        };
        if comes_after_memories(id)
            && let Some(memory) = memory.take()
        {
            write_memory(&mut out, memory);
        }
        if let Payload::ImportSection(section) = payload {
            out.section(&imports_without(section, name)?);
        } else {
            let data = wasm.get(range).unwrap_or_default();
            out.section(&RawSection { id, data });
        }
    }
    if let Some(memory) = memory {
        write_memory(&mut out, memory);
    }
    Ok(Cow::Owned(out.finish()))
}

fn imported_memory(
    wasm: &[u8],
    name: MemoryName<'_>,
) -> Result<Option<MemoryType>, BinaryReaderError> {
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::ImportSection(section) = payload? {
            for import in section.into_imports() {
                if let Some(memory) = memory_type(&import?, name) {
                    return Ok(Some(memory));
                }
            }
        }
    }
    Ok(None)
}

fn memory_type(import: &wasmparser::Import<'_>, name: MemoryName<'_>) -> Option<MemoryType> {
    match import.ty {
        TypeRef::Memory(memory) if import.module == name.module && import.name == name.name => {
            Some(memory)
        }
        _ => None,
    }
}

fn imports_without(
    section: wasmparser::ImportSectionReader<'_>,
    name: MemoryName<'_>,
) -> Result<ImportSection, BinaryReaderError> {
    let mut imports = ImportSection::new();
    for import in section.into_imports() {
        let import = import?;
        // An import that cannot be encoded again is dropped; the validation that follows then
        // rejects the module, because the import is missing.
        if memory_type(&import, name).is_none()
            && let Ok(ty) = RoundtripReencoder.entity_type(import.ty)
        {
            imports.import(import.module, import.name, ty);
        }
    }
    Ok(imports)
}

fn write_memory(out: &mut wasm_encoder::Module, memory: MemoryType) {
    let mut memories = MemorySection::new();
    memories.memory(wasm_encoder::MemoryType {
        minimum: memory.initial,
        maximum: memory.maximum,
        memory64: memory.memory64,
        shared: memory.shared,
        page_size_log2: memory.page_size_log2,
    });
    out.section(&memories);
}

/// Returns true for sections that follow the memory section. Section ids are not in that order.
fn comes_after_memories(id: u8) -> bool {
    let before = [
        SectionId::Custom,
        SectionId::Type,
        SectionId::Import,
        SectionId::Function,
        SectionId::Table,
    ];
    !before.iter().any(|section| *section as u8 == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::byte_size::ByteSize;

    const NAME: MemoryName<'_> = MemoryName {
        module: "env",
        name: "memory",
    };

    #[test]
    fn replaces_an_imported_memory_with_a_defined_one() {
        let wasm = wat::parse_str(
            r#"(module
                (import "env" "opa_abort" (func (param i32)))
                (import "env" "memory" (memory 2))
                (table 1 funcref)
                (export "memory" (memory 0))
                (data (i32.const 0) "x"))"#,
        )
        .unwrap();
        let rewritten = define_imported_memory(&wasm, NAME, 5).unwrap();
        let inspection = inspect(&rewritten).unwrap();
        assert_eq!(inspection.imports.len(), 1);
        assert_eq!(inspection.memories[0].initial, ByteSize::kib(5 * 64));
        wasmparser::validate(&rewritten).unwrap();
    }

    #[test]
    fn keeps_a_module_with_its_own_memory() {
        let wasm = wat::parse_str(r#"(module (memory 1) (export "memory" (memory 0)))"#).unwrap();
        let kept = define_imported_memory(&wasm, NAME, 5).unwrap();
        assert!(matches!(kept, Cow::Borrowed(_)));
    }
}
