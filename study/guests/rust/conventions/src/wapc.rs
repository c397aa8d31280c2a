//! waPC: the host fills buffers that we name, and takes the answer from another one.

use crate::Program;

#[link(wasm_import_module = "wapc")]
unsafe extern "C" {
    fn __guest_request(operation: *mut u8, input: *mut u8);
    fn __guest_response(answer: *const u8, length: usize);
}

/// Answers whatever operation it is: a program has only one. 1 is success.
pub fn answer(program: Program, operation: usize, length: usize) -> i32 {
    let mut name = vec![0; operation];
    let mut input = vec![0; length];
    // SAFETY: both buffers have the lengths that the host has said, and outlive the calls.
    unsafe { __guest_request(name.as_mut_ptr(), input.as_mut_ptr()) };
    let answer = program(&input);
    // SAFETY: the host copies the answer before it returns.
    unsafe { __guest_response(answer.as_ptr(), answer.len()) };
    1
}
