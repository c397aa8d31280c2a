//! Raw memory: the host writes the input into a buffer, and reads the response from another one.

use std::cell::RefCell;

use crate::Program;

thread_local! {
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static RESPONSE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Returns a buffer of a length, which is valid until the next call.
pub fn input(length: usize) -> *mut u8 {
    INPUT.with_borrow_mut(|input| {
        input.resize(length, 0);
        input.as_mut_ptr()
    })
}

/// Runs the program, and keeps the response until the next call. Returns its address in the upper half
/// of the number, its length in the lower.
pub fn respond(program: Program, length: usize) -> u64 {
    let response = INPUT.with_borrow(|input| program(&input[..length]));
    let place = (response.as_ptr() as u64) << 32 | response.len() as u64;
    RESPONSE.set(response);
    place
}
