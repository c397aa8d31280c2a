//! waPC: the host fills the buffers of the guest, and copies the response.

use crate::Program;

#[link(wasm_import_module = "wapc")]
unsafe extern "C" {
    fn __guest_request(operation: *mut u8, input: *mut u8);
    fn __guest_response(response: *const u8, length: usize);
}

/// Runs the program on the message. Ignores the operation, and returns 1 for success.
pub fn respond(program: Program, operation: usize, length: usize) -> i32 {
    let mut name = vec![0; operation];
    let mut input = vec![0; length];
    // SAFETY: both buffers have the lengths that the host passed, and outlive the call.
    unsafe { __guest_request(name.as_mut_ptr(), input.as_mut_ptr()) };
    let response = program(&input);
    // SAFETY: the host copies the response before it returns.
    unsafe { __guest_response(response.as_ptr(), response.len()) };
    1
}
