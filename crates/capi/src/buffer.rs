//! Bytes that the library owns while the caller reads them.

use std::mem::{self, ManuallyDrop};
use std::ptr;

use crate::guard;

/// Bytes that the library has made. The caller provides the structure, all zero at first; the library owns what it points to
/// until `k8s_wasm_buffer_free`. A buffer that is used again gives up what it held.
#[repr(C)]
pub struct Buffer {
    /// The first byte; null when there are none.
    pub data: *mut u8,
    /// How many there are.
    pub length: usize,
    /// For the library.
    pub capacity: usize,
}

impl Buffer {
    fn of(bytes: Vec<u8>) -> Self {
        if bytes.capacity() == 0 {
            return Self {
                data: ptr::null_mut(),
                length: 0,
                capacity: 0,
            };
        }
        let mut bytes = ManuallyDrop::new(bytes);
        Self {
            data: bytes.as_mut_ptr(),
            length: bytes.len(),
            capacity: bytes.capacity(),
        }
    }

    /// Puts other bytes in, and gives up what was there.
    ///
    /// # Safety
    /// The buffer is all zero or was filled by this function, and nobody reads what it held any more.
    pub(crate) unsafe fn replace(&mut self, bytes: Vec<u8>) {
        let Self {
            data,
            length,
            capacity,
        } = mem::replace(self, Self::of(bytes));
        if !data.is_null() {
            // SAFETY: these are the parts of a vector, taken apart by `of`, and they are forgotten here.
            drop(unsafe { Vec::from_raw_parts(data, length, capacity) });
        }
    }
}

/// Gives the bytes back. The buffer is all zero afterwards, and may be used or freed again. Null is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_buffer_free(buffer: *mut Buffer) {
    guard::quietly(|| {
        // SAFETY: null, or a buffer of the caller that no other thread uses.
        if let Some(buffer) = unsafe { buffer.as_mut() } {
            // SAFETY: buffers are all zero at first, and filled by `replace` only.
            unsafe { buffer.replace(Vec::new()) };
        }
    });
}
