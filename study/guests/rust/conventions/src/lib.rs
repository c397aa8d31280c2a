//! The calling conventions: `conventions::export!(function)` creates a module with all of them.

#[doc(hidden)]
pub mod buffer;
#[cfg(feature = "component")]
#[doc(hidden)]
pub mod component;
#[doc(hidden)]
pub mod stdio;
#[cfg(not(any(feature = "component", feature = "own")))]
#[doc(hidden)]
pub mod wapc;

/// A program: a function from bytes to bytes.
pub type Program = fn(&[u8]) -> Vec<u8>;

/// Exports a [`Program`] with all calling conventions of core modules.
#[cfg(not(any(feature = "component", feature = "own")))]
#[macro_export]
macro_rules! export {
    ($program:expr) => {
        /// Allocates room for an input.
        #[unsafe(no_mangle)]
        extern "C" fn alloc(length: usize) -> *mut u8 {
            $crate::buffer::input(length)
        }

        /// Runs the program on the input in the room that `alloc` returned. Returns address and
        /// length of the response in one number.
        #[unsafe(no_mangle)]
        extern "C" fn raw(_at: *const u8, length: usize) -> u64 {
            $crate::buffer::respond($program, length)
        }

        /// Runs the program on standard input.
        #[unsafe(no_mangle)]
        extern "C" fn stdio() {
            $crate::stdio::respond($program)
        }

        /// Runs the program on the message of waPC.
        #[unsafe(no_mangle)]
        extern "C" fn __guest_call(operation: usize, length: usize) -> i32 {
            $crate::wapc::respond($program, operation, length)
        }
    };
}

/// Exports a [`Program`] as the world of `study.wit`, in the canonical ABI.
#[cfg(feature = "component")]
#[macro_export]
macro_rules! export {
    ($program:expr) => {
        /// Allocates memory for arguments.
        #[unsafe(no_mangle)]
        extern "C" fn cabi_realloc(
            old: *mut u8,
            old_length: usize,
            align: usize,
            length: usize,
        ) -> *mut u8 {
            $crate::component::reallocate(old, old_length, align, length)
        }

        /// Runs the program on an input, which it then owns.
        #[unsafe(export_name = "answer")]
        extern "C" fn component_respond(at: *mut u8, length: usize) -> *const [usize; 2] {
            $crate::component::respond($program, at, length)
        }

        /// Frees the response after the host has read it.
        #[unsafe(no_mangle)]
        extern "C" fn cabi_post_answer(_response: *const [usize; 2]) {
            $crate::component::forget()
        }
    };
}

/// Exports a [`Program`] as an entry point of k8s-wasm, and parts of it, so that the cost of each part
/// is the difference.
#[cfg(feature = "own")]
#[macro_export]
macro_rules! export {
    ($program:expr) => {
        /// Returns at once.
        #[unsafe(no_mangle)]
        extern "C" fn nothing() {}

        /// Copies standard input to standard output.
        #[unsafe(no_mangle)]
        extern "C" fn echo() {
            $crate::stdio::respond(<[u8]>::to_vec)
        }

        /// Runs the program.
        #[unsafe(no_mangle)]
        extern "C" fn authn() {
            $crate::stdio::respond($program)
        }
    };
}
