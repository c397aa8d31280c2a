//! The border itself: no panic crosses it, and every call ends with a status.

use std::panic::{self, AssertUnwindSafe};

use crate::buffer::Buffer;
use crate::types::{
    STATUS_ARGUMENT, STATUS_CONFIGURATION, STATUS_INTERNAL, STATUS_OK, STATUS_REVIEW, Status,
};

/// What the client is told when the library panics. What the panic says is for the log on standard error: it may quote
/// anything.
const INTERNAL: &str = "the policy host failed";

/// A call that did not come to what it was made for.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: Status,
    /// For the client.
    text: String,
}

impl Refused {
    pub(crate) fn new(status: Status, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { status, text }
    }

    pub(crate) fn argument(text: impl Into<String>) -> Self {
        Self::new(STATUS_ARGUMENT, text)
    }

    pub(crate) fn configuration(text: impl Into<String>) -> Self {
        Self::new(STATUS_CONFIGURATION, text)
    }

    pub(crate) fn review(text: impl Into<String>) -> Self {
        Self::new(STATUS_REVIEW, text)
    }

    pub(crate) fn internal() -> Self {
        Self::new(STATUS_INTERNAL, INTERNAL)
    }
}

/// Where the caller wants to read what came of a call.
pub(crate) struct Out(*mut Buffer);

impl Out {
    /// # Safety
    /// The pointer is null, or for the length of the call it leads to a buffer that is all zero or was filled by this library,
    /// and that no other thread uses.
    pub(crate) unsafe fn new(buffer: *mut Buffer) -> Self {
        Self(buffer)
    }

    pub(crate) fn is_null(&self) -> bool {
        self.0.is_null()
    }

    fn put(&self, bytes: Vec<u8>) {
        // SAFETY: promised when `self` was made, which does not outlast the call.
        if let Some(buffer) = unsafe { self.0.as_mut() } {
            // SAFETY: likewise.
            unsafe { buffer.replace(bytes) };
        }
    }
}

/// Runs a call; what comes of it, or why nothing does, goes to `out`.
pub(crate) fn run(out: &Out, call: impl FnOnce() -> Result<Vec<u8>, Refused>) -> Status {
    let answer = panic::catch_unwind(AssertUnwindSafe(call));
    match answer.unwrap_or_else(|_| Err(Refused::internal())) {
        Ok(bytes) => {
            out.put(bytes);
            STATUS_OK
        }
        Err(Refused { status, text }) => {
            out.put(text.into_bytes());
            status
        }
    }
}

/// Runs a call that cannot tell an error: `otherwise` is its answer if it panics.
pub(crate) fn or<T>(otherwise: T, call: impl FnOnce() -> T) -> T {
    panic::catch_unwind(AssertUnwindSafe(call)).unwrap_or(otherwise)
}

/// Runs a call that has no answer.
pub(crate) fn quietly(call: impl FnOnce()) {
    or((), call);
}

#[cfg(test)]
mod tests {
    use std::{ptr, slice};

    use super::*;
    use crate::buffer::k8s_wasm_buffer_free;

    #[test]
    fn a_panic_is_a_status_and_its_text_stays_here() {
        let mut buffer = Buffer {
            data: ptr::null_mut(),
            length: 0,
            capacity: 0,
        };
        // SAFETY: the buffer is all zero and of this thread.
        let out = unsafe { Out::new(&raw mut buffer) };
        assert_eq!(run(&out, || panic!("token=secret")), STATUS_INTERNAL);
        // SAFETY: filled by `run` just now.
        let text = unsafe { slice::from_raw_parts(buffer.data, buffer.length) };
        assert_eq!(text, INTERNAL.as_bytes());
        // SAFETY: a buffer of this library.
        unsafe { k8s_wasm_buffer_free(&raw mut buffer) };
        assert!(buffer.data.is_null());
        assert!(or(true, || panic!("again")));
    }
}
