//! Turns the memory that a module imports as `env.memory` into one of its own.
//!
//! The index of the memory stays the same, so that no code changes; data segments become part of the image that instances begin
//! with.

use std::borrow::Cow;

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{ImportSection, MemorySection, RawSection, SectionId};
use wasmparser::{BinaryReaderError, MemoryType, Parser, Payload, TypeRef};

use crate::inspect::{ExternType, Import};

/// What OPA's own hosts begin with, in pages.
const INITIAL_PAGES: u64 = 5;

/// Whether an import is the memory that this file is about.
pub(crate) fn is_it(import: &Import) -> bool {
    import.module == "env" && import.name == "memory" && matches!(import.ty, ExternType::Memory(_))
}

/// The module with a memory of its own; as it is when it imports none.
pub(crate) fn give(wasm: &[u8]) -> Result<Cow<'_, [u8]>, BinaryReaderError> {
    let Some(memory) = imported(wasm)? else {
        return Ok(Cow::Borrowed(wasm));
    };
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
            define(&mut out, memory);
        }
        if let Payload::ImportSection(section) = payload {
            out.section(&other_imports(section)?);
        } else {
            let data = wasm.get(range).unwrap_or_default();
            out.section(&RawSection { id, data });
        }
    }
    if let Some(memory) = memory {
        define(&mut out, memory);
    }
    Ok(Cow::Owned(out.finish()))
}

fn imported(wasm: &[u8]) -> Result<Option<MemoryType>, BinaryReaderError> {
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::ImportSection(section) = payload? {
            for import in section.into_imports() {
                if let Some(memory) = memory_of(&import?) {
                    return Ok(Some(memory));
                }
            }
        }
    }
    Ok(None)
}

fn memory_of(import: &wasmparser::Import<'_>) -> Option<MemoryType> {
    match import.ty {
        TypeRef::Memory(memory) if import.module == "env" && import.name == "memory" => {
            Some(memory)
        }
        _ => None,
    }
}

fn other_imports(
    section: wasmparser::ImportSectionReader<'_>,
) -> Result<ImportSection, BinaryReaderError> {
    let mut imports = ImportSection::new();
    for import in section.into_imports() {
        let import = import?;
        // What cannot be written again is refused by the validation that follows: it is not there any more.
        if memory_of(&import).is_none()
            && let Ok(ty) = RoundtripReencoder.entity_type(import.ty)
        {
            imports.import(import.module, import.name, ty);
        }
    }
    Ok(imports)
}

fn define(out: &mut wasm_encoder::Module, memory: MemoryType) {
    let mut memories = MemorySection::new();
    memories.memory(wasm_encoder::MemoryType {
        minimum: memory.initial.max(INITIAL_PAGES),
        maximum: memory.maximum.map(|maximum| maximum.max(INITIAL_PAGES)),
        memory64: memory.memory64,
        shared: memory.shared,
        page_size_log2: memory.page_size_log2,
    });
    out.section(&memories);
}

/// Sections that stand behind that of the memories, whatever their numbers.
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

    #[test]
    fn a_module_gets_a_memory_in_place_of_the_imported_one() {
        let wasm = wat::parse_str(
            r#"(module
                (import "env" "opa_abort" (func (param i32)))
                (import "env" "memory" (memory 2))
                (table 1 funcref)
                (export "memory" (memory 0))
                (data (i32.const 0) "x"))"#,
        )
        .unwrap();
        let given = give(&wasm).unwrap();
        let inspection = crate::inspect(&given).unwrap();
        assert_eq!(inspection.imports.len(), 1);
        assert_eq!(inspection.memories[0].initial, crate::ByteSize::kib(5 * 64));
        wasmparser::validate(&given).unwrap();
    }

    #[test]
    fn a_module_with_its_own_memory_stays_as_it_is() {
        let wasm = wat::parse_str(r#"(module (memory 1) (export "memory" (memory 0)))"#).unwrap();
        assert!(matches!(give(&wasm).unwrap(), Cow::Borrowed(_)));
    }
}
