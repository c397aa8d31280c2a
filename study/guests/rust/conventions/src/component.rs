//! The canonical ABI for one function from bytes to bytes: what wit-bindgen would generate, without its dependencies.

use std::alloc::{Layout, alloc, realloc};
use std::cell::{Cell, RefCell};

use crate::Program;

thread_local! {
    static ANSWER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// Address and length of the answer: what the canonical ABI returns does not fit into one number.
    static PLACE: Cell<[usize; 2]> = const { Cell::new([0; 2]) };
}

/// `cabi_realloc`; the host only ever asks for new memory.
pub fn reallocate(old: *mut u8, old_length: usize, align: usize, length: usize) -> *mut u8 {
    if length == 0 {
        return std::ptr::without_provenance_mut(align);
    }
    let layout = |size| Layout::from_size_align(size, align).expect("an alignment of WIT");
    // SAFETY: the length is not zero, and `old` is of this allocator when there is one.
    unsafe {
        match old_length {
            0 => alloc(layout(length)),
            _ => realloc(old, layout(old_length), length),
        }
    }
}

/// Takes the input over and keeps the answer until [`forget`].
pub fn answer(program: Program, at: *mut u8, length: usize) -> *const [usize; 2] {
    let input = match length {
        0 => Vec::new(),
        // SAFETY: the host had the memory made by `reallocate`, with this length and alignment 1.
        _ => unsafe { Vec::from_raw_parts(at, length, length) },
    };
    let answer = program(&input);
    PLACE.set([answer.as_ptr().addr(), answer.len()]);
    ANSWER.set(answer);
    PLACE.with(Cell::as_ptr)
}

/// Frees the answer: the host has copied it.
pub fn forget() {
    ANSWER.take();
}
