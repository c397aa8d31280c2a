//! The limit on memory. wasmer has no setting for it, but its tunables create each memory.
#![allow(
    unsafe_code,
    reason = "the unsafe functions of the trait are delegated"
)]

use std::ptr::NonNull;

use wasmer::sys::vm::{VMMemory, VMMemoryDefinition, VMTable, VMTableDefinition};
use wasmer::sys::{BaseTunables, Tunables};
use wasmer::{MemoryError, MemoryType, Pages, TableType};
use wasmer::{MemoryStyle, TableStyle};

use crate::runtime::MAX_PAGES;

/// wasmer's base tunables, with the maximum of each memory limited.
pub struct Bounded(pub BaseTunables);

fn bounded(memory: &MemoryType) -> MemoryType {
    let mut memory = *memory;
    let declared = memory.maximum.unwrap_or(Pages(MAX_PAGES));
    memory.maximum = Some(declared.min(Pages(MAX_PAGES)));
    memory
}

impl Tunables for Bounded {
    fn memory_style(&self, memory: &MemoryType) -> MemoryStyle {
        self.0.memory_style(&bounded(memory))
    }

    fn table_style(&self, table: &TableType) -> TableStyle {
        self.0.table_style(table)
    }

    fn create_host_memory(
        &self,
        kind: &MemoryType,
        style: &MemoryStyle,
    ) -> Result<VMMemory, MemoryError> {
        self.0.create_host_memory(&bounded(kind), style)
    }

    unsafe fn create_vm_memory(
        &self,
        kind: &MemoryType,
        style: &MemoryStyle,
        definition: NonNull<VMMemoryDefinition>,
    ) -> Result<VMMemory, MemoryError> {
        // SAFETY: the caller guarantees the requirements of this function, which are the same.
        unsafe { self.0.create_vm_memory(&bounded(kind), style, definition) }
    }

    fn create_host_table(&self, kind: &TableType, style: &TableStyle) -> Result<VMTable, String> {
        self.0.create_host_table(kind, style)
    }

    unsafe fn create_vm_table(
        &self,
        kind: &TableType,
        style: &TableStyle,
        definition: NonNull<VMTableDefinition>,
    ) -> Result<VMTable, String> {
        // SAFETY: the caller guarantees the requirements of this function, which are the same.
        unsafe { self.0.create_vm_table(kind, style, definition) }
    }
}
