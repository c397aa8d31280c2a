//! A module's memory as the host may touch it: every pointer is checked, nothing here can panic.

use wasmtime::{Caller, Extern};

use crate::state::{State, Stop};

/// The name under which a module exports its memory.
pub(crate) const MEMORY: &str = "memory";

/// A module's memory and its call's state, borrowed together by a host function.
pub(crate) struct Guest<'a> {
    pub(crate) memory: GuestMemory<'a>,
    pub(crate) state: &'a mut State,
}

impl<'a> Guest<'a> {
    /// The guest that called. The first call of each instance looks the memory up, the start
    /// section may be that one.
    ///
    /// # Errors
    /// When there is no memory; modules that could come here without one are refused at load.
    pub(crate) fn of(caller: &'a mut Caller<'_, State>) -> Result<Self, Stop> {
        let memory = match caller.data().memory {
            Some(memory) => memory,
            None => {
                let Some(Extern::Memory(memory)) = caller.get_export(MEMORY) else {
                    return Err(Stop::NoMemory);
                };
                caller.data_mut().memory = Some(memory);
                memory
            }
        };
        let (bytes, state) = memory.data_and_store_mut(caller);
        Ok(Self {
            memory: GuestMemory(bytes),
            state,
        })
    }
}

/// The bytes of a module's memory.
pub(crate) struct GuestMemory<'a>(&'a mut [u8]);

/// A pointer, or a pointer with a length, leaves the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfBounds;

impl<'a> GuestMemory<'a> {
    pub(crate) fn new(bytes: &'a mut [u8]) -> Self {
        Self(bytes)
    }

    /// Everything from `pointer` on.
    pub(crate) fn rest(&self, pointer: u32) -> Result<&[u8], OutOfBounds> {
        let start = usize::try_from(pointer).map_err(|_| OutOfBounds)?;
        self.0.get(start..).ok_or(OutOfBounds)
    }

    /// `len` bytes at `pointer`.
    pub(crate) fn read(&self, pointer: u32, len: u32) -> Result<&[u8], OutOfBounds> {
        self.0.get(range(pointer, len)?).ok_or(OutOfBounds)
    }

    /// `len` bytes at `pointer`, to be filled.
    pub(crate) fn slice_mut(&mut self, pointer: u32, len: u32) -> Result<&mut [u8], OutOfBounds> {
        self.0.get_mut(range(pointer, len)?).ok_or(OutOfBounds)
    }

    /// As many bytes at `pointer` as the array has.
    pub(crate) fn read_array<const N: usize>(&self, pointer: u32) -> Result<[u8; N], OutOfBounds> {
        let rest = usize::try_from(pointer)
            .ok()
            .and_then(|start| self.0.get(start..));
        rest.and_then(|rest| rest.first_chunk::<N>())
            .copied()
            .ok_or(OutOfBounds)
    }

    /// A little-endian number.
    pub(crate) fn read_u32(&self, pointer: u32) -> Result<u32, OutOfBounds> {
        self.read_array(pointer).map(u32::from_le_bytes)
    }

    /// A little-endian number.
    pub(crate) fn read_u64(&self, pointer: u32) -> Result<u64, OutOfBounds> {
        self.read_array(pointer).map(u64::from_le_bytes)
    }

    /// Copies `bytes` to `pointer`.
    pub(crate) fn write(&mut self, pointer: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        let len = u32::try_from(bytes.len()).map_err(|_| OutOfBounds)?;
        self.slice_mut(pointer, len)?.copy_from_slice(bytes);
        Ok(())
    }

    /// Writes a little-endian number.
    pub(crate) fn write_u32(&mut self, pointer: u32, value: u32) -> Result<(), OutOfBounds> {
        self.write(pointer, &value.to_le_bytes())
    }

    /// Writes a little-endian number.
    pub(crate) fn write_u64(&mut self, pointer: u32, value: u64) -> Result<(), OutOfBounds> {
        self.write(pointer, &value.to_le_bytes())
    }
}

/// The address `by` bytes after `pointer`.
pub(crate) fn offset(pointer: u32, by: u32) -> Result<u32, OutOfBounds> {
    pointer.checked_add(by).ok_or(OutOfBounds)
}

/// The address `index` elements of `size` bytes after `base`.
pub(crate) fn element(base: u32, index: u32, size: u32) -> Result<u32, OutOfBounds> {
    index
        .checked_mul(size)
        .and_then(|offset| base.checked_add(offset))
        .ok_or(OutOfBounds)
}

fn range(pointer: u32, len: u32) -> Result<std::ops::Range<usize>, OutOfBounds> {
    let start = usize::try_from(pointer).map_err(|_| OutOfBounds)?;
    let len = usize::try_from(len).map_err(|_| OutOfBounds)?;
    Ok(start..start.checked_add(len).ok_or(OutOfBounds)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_byte_is_inside_and_the_next_is_not() {
        let mut bytes = [7u8; 8];
        let mut memory = GuestMemory(&mut bytes);
        assert_eq!(memory.read(7, 1), Ok(&[7u8][..]));
        assert_eq!(memory.read(7, 2), Err(OutOfBounds));
        assert_eq!(memory.read(8, 0), Ok(&[][..]));
        assert_eq!(memory.read(9, 0), Err(OutOfBounds));
        assert_eq!(memory.read_u32(4), Ok(0x0707_0707));
        assert_eq!(memory.read_u32(5), Err(OutOfBounds));
        assert_eq!(memory.write_u64(0, 1), Ok(()));
        assert_eq!(memory.write_u64(1, 1), Err(OutOfBounds));
    }

    #[test]
    fn pointers_do_not_wrap_around() {
        let mut bytes = [0u8; 8];
        let mut memory = GuestMemory(&mut bytes);
        assert_eq!(memory.read(u32::MAX, u32::MAX), Err(OutOfBounds));
        assert_eq!(memory.read_array::<4>(u32::MAX), Err(OutOfBounds));
        assert_eq!(memory.write_u32(u32::MAX, 1), Err(OutOfBounds));
        assert_eq!(element(u32::MAX, 1, 1), Err(OutOfBounds));
        assert_eq!(element(0, u32::MAX, 8), Err(OutOfBounds));
        assert_eq!(element(16, 2, 8), Ok(32));
    }
}
