//! The ways to hand data to a program: `ways::export!(function)` makes a module that speaks all of them.

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

/// A program: bytes in, bytes out.
pub type Program = fn(&[u8]) -> Vec<u8>;

/// Exports a [`Program`] in every way that a module can be asked.
#[cfg(not(any(feature = "component", feature = "own")))]
#[macro_export]
macro_rules! export {
    ($program:expr) => {
        /// Makes room for an input.
        #[unsafe(no_mangle)]
        extern "C" fn alloc(length: usize) -> *mut u8 {
            $crate::buffer::input(length)
        }

        /// Raw memory: answers the input that was written to `alloc`'s room; address and length in one number.
        #[unsafe(no_mangle)]
        extern "C" fn raw(_at: *const u8, length: usize) -> u64 {
            $crate::buffer::answer($program, length)
        }

        /// Standard input and output.
        #[unsafe(no_mangle)]
        extern "C" fn stdio() {
            $crate::stdio::answer($program)
        }

        /// waPC.
        #[unsafe(no_mangle)]
        extern "C" fn __guest_call(operation: usize, length: usize) -> i32 {
            $crate::wapc::answer($program, operation, length)
        }
    };
}

/// Exports a [`Program`] as the world of `study.wit` asks, in the canonical ABI.
#[cfg(feature = "component")]
#[macro_export]
macro_rules! export {
    ($program:expr) => {
        /// Makes room for what the caller lifts into the program.
        #[unsafe(no_mangle)]
        extern "C" fn cabi_realloc(
            old: *mut u8,
            old_length: usize,
            align: usize,
            length: usize,
        ) -> *mut u8 {
            $crate::component::reallocate(old, old_length, align, length)
        }

        /// Answers an input that becomes the program's.
        #[unsafe(export_name = "answer")]
        extern "C" fn component_answer(at: *mut u8, length: usize) -> *const [usize; 2] {
            $crate::component::answer($program, at, length)
        }

        /// Hears that the answer has been read.
        #[unsafe(no_mangle)]
        extern "C" fn cabi_post_answer(_answer: *const [usize; 2]) {
            $crate::component::forget()
        }
    };
}

/// Exports a [`Program`] as an entry point of k8s-wasm, and less and less of it, so that what each part costs can be subtracted.
#[cfg(feature = "own")]
#[macro_export]
macro_rules! export {
    ($program:expr) => {
        /// Nothing: what is left is the instance and its start.
        #[unsafe(no_mangle)]
        extern "C" fn nothing() {}

        /// What comes in, out again.
        #[unsafe(no_mangle)]
        extern "C" fn echo() {
            $crate::stdio::answer(<[u8]>::to_vec)
        }

        /// The whole.
        #[unsafe(no_mangle)]
        extern "C" fn authn() {
            $crate::stdio::answer($program)
        }
    };
}
