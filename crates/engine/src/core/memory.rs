//! Access of the host to a module's memory. Every pointer is checked; no access can panic.

use crate::core::stop::{OutOfBounds, Stop};

/// The name under which a module exports its memory.
pub(crate) const MEMORY: &str = "memory";

/// The bytes of a module's memory.
pub(crate) struct GuestMemory<'a>(&'a mut [u8]);

impl<'a> GuestMemory<'a> {
    pub(crate) fn new(bytes: &'a mut [u8]) -> Self {
        Self(bytes)
    }

    /// Returns `len` bytes at `pointer`.
    pub(crate) fn read(&self, pointer: u32, len: u32) -> Result<&[u8], OutOfBounds> {
        self.0.get(range(pointer, len)?).ok_or(OutOfBounds)
    }

    /// Returns `len` mutable bytes at `pointer`.
    pub(crate) fn slice_mut(&mut self, pointer: u32, len: u32) -> Result<&mut [u8], OutOfBounds> {
        self.0.get_mut(range(pointer, len)?).ok_or(OutOfBounds)
    }

    /// Copies `len` bytes at `pointer` out of the memory.
    ///
    /// # Errors
    /// Returns an error if the bytes are outside the memory, or more than `max`.
    pub(crate) fn copy_out(&self, pointer: u32, len: u32, max: usize) -> Result<Vec<u8>, Stop> {
        let bytes = self.read(pointer, len)?;
        if bytes.len() > max {
            return Err(Stop::OutputTooLarge);
        }
        Ok(bytes.to_vec())
    }

    /// Copies the bytes from `pointer` up to the first NUL out of the memory.
    ///
    /// # Errors
    /// Returns an error if the memory ends before the NUL, or the text has more than `max` bytes.
    pub(crate) fn copy_out_c_string(&self, pointer: u32, max: usize) -> Result<Vec<u8>, Stop> {
        let start = usize::try_from(pointer).map_err(|_| OutOfBounds)?;
        let rest = self.0.get(start..).ok_or(OutOfBounds)?;
        let len = rest
            .iter()
            .take(max.saturating_add(1))
            .position(|byte| *byte == 0);
        match len {
            Some(len) => Ok(rest.get(..len).unwrap_or_default().to_vec()),
            None if rest.len() > max => Err(Stop::OutputTooLarge),
            None => Err(Stop::OutOfBounds),
        }
    }

    /// Returns the `N` bytes at `pointer`.
    pub(crate) fn read_array<const N: usize>(&self, pointer: u32) -> Result<[u8; N], OutOfBounds> {
        let rest = usize::try_from(pointer)
            .ok()
            .and_then(|start| self.0.get(start..));
        rest.and_then(|rest| rest.first_chunk::<N>())
            .copied()
            .ok_or(OutOfBounds)
    }

    /// Returns the little-endian number at `pointer`.
    pub(crate) fn read_u32(&self, pointer: u32) -> Result<u32, OutOfBounds> {
        self.read_array(pointer).map(u32::from_le_bytes)
    }

    /// Returns the little-endian number at `pointer`.
    pub(crate) fn read_u64(&self, pointer: u32) -> Result<u64, OutOfBounds> {
        self.read_array(pointer).map(u64::from_le_bytes)
    }

    /// Copies `bytes` to `pointer`.
    pub(crate) fn write(&mut self, pointer: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        let len = u32::try_from(bytes.len()).map_err(|_| OutOfBounds)?;
        self.slice_mut(pointer, len)?.copy_from_slice(bytes);
        Ok(())
    }

    /// Writes a little-endian number to `pointer`.
    pub(crate) fn write_u32(&mut self, pointer: u32, value: u32) -> Result<(), OutOfBounds> {
        self.write(pointer, &value.to_le_bytes())
    }

    /// Writes a little-endian number to `pointer`.
    pub(crate) fn write_u64(&mut self, pointer: u32, value: u64) -> Result<(), OutOfBounds> {
        self.write(pointer, &value.to_le_bytes())
    }
}

/// Returns the address `by` bytes after `pointer`.
pub(crate) fn offset(pointer: u32, by: u32) -> Result<u32, OutOfBounds> {
    pointer.checked_add(by).ok_or(OutOfBounds)
}

/// Returns the address of element `index` of an array at `base` with elements of `size` bytes.
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
    fn accepts_the_last_byte_and_rejects_the_next() {
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
    fn rejects_pointers_that_wrap_around() {
        let mut bytes = [0u8; 8];
        let mut memory = GuestMemory(&mut bytes);
        assert_eq!(memory.read(u32::MAX, u32::MAX), Err(OutOfBounds));
        assert_eq!(memory.read_array::<4>(u32::MAX), Err(OutOfBounds));
        assert_eq!(memory.write_u32(u32::MAX, 1), Err(OutOfBounds));
        assert_eq!(element(u32::MAX, 1, 1), Err(OutOfBounds));
        assert_eq!(element(0, u32::MAX, 8), Err(OutOfBounds));
        assert_eq!(element(16, 2, 8), Ok(32));
    }

    #[test]
    fn copies_out_up_to_the_maximum() {
        let mut bytes = [7u8; 8];
        let memory = GuestMemory(&mut bytes);
        assert_eq!(memory.copy_out(4, 4, 4), Ok(vec![7; 4]));
        assert_eq!(memory.copy_out(4, 4, 3), Err(Stop::OutputTooLarge));
        assert_eq!(memory.copy_out(4, 5, 3), Err(Stop::OutOfBounds));
    }

    #[test]
    fn copies_out_text_that_ends_with_nul_inside_the_memory() {
        let mut bytes = *b"ab\0cd";
        let memory = GuestMemory::new(&mut bytes);
        assert_eq!(memory.copy_out_c_string(0, 10), Ok(b"ab".to_vec()));
        assert_eq!(memory.copy_out_c_string(3, 10), Err(Stop::OutOfBounds));
        assert_eq!(memory.copy_out_c_string(9, 10), Err(Stop::OutOfBounds));
        assert_eq!(memory.copy_out_c_string(0, 1), Err(Stop::OutputTooLarge));
    }
}
