//! The canonical ABI of one function from bytes to bytes, as wit-bindgen would generate it.

use std::alloc::{Layout, alloc, realloc};
use std::cell::{Cell, RefCell};

use crate::Program;

thread_local! {
    static RESPONSE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// Address and length of the response; the canonical ABI returns a pointer to them.
    static PLACE: Cell<[usize; 2]> = const { Cell::new([0; 2]) };
}

/// Implements `cabi_realloc`. The host only allocates new memory.
pub fn reallocate(old: *mut u8, old_length: usize, align: usize, length: usize) -> *mut u8 {
    if length == 0 {
        return std::ptr::without_provenance_mut(align);
    }
    let layout =
        |size| Layout::from_size_align(size, align).expect("alignments in WIT are powers of two");
    // SAFETY: the length is not zero, and `old` comes from this allocator if its length is not zero.
    unsafe {
        match old_length {
            0 => alloc(layout(length)),
            _ => realloc(old, layout(old_length), length),
        }
    }
}

/// Takes ownership of the input, runs the program, and keeps the response until [`forget`].
pub fn respond(program: Program, at: *mut u8, length: usize) -> *const [usize; 2] {
    let input = match length {
        0 => Vec::new(),
        // SAFETY: the host allocated the memory with `reallocate`, with this length and alignment 1.
        _ => unsafe { Vec::from_raw_parts(at, length, length) },
    };
    let response = program(&input);
    PLACE.set([response.as_ptr().addr(), response.len()]);
    RESPONSE.set(response);
    PLACE.with(Cell::as_ptr)
}

/// Frees the response, which the host has copied.
pub fn forget() {
    RESPONSE.take();
}
