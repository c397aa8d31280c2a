//! The boundary to C: borrowed bytes that are checked, buffers for results, and calls that end in a
//! status instead of a panic.

use std::mem::{self, ManuallyDrop};
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::{ptr, slice, str};

use crate::types::{
    Bytes, STATUS_INTERNAL, STATUS_INVALID_ARGUMENT, STATUS_INVALID_CONFIGURATION,
    STATUS_INVALID_REVIEW, STATUS_OK, Status,
};

/// The message for a client when the library panics. The panic's own message may quote anything, so
/// it goes to standard error only.
const INTERNAL: &str = "the policy host failed";

/// Bytes that the library allocated. The caller provides the structure, initially all zero; the
/// library owns the bytes until `k8s_wasm_buffer_free`. Reusing a buffer frees its previous bytes.
#[repr(C)]
pub struct Buffer {
    /// The first byte; null if the buffer is empty.
    pub data: *mut u8,
    /// The number of bytes.
    pub length: usize,
    /// Reserved for the library.
    pub capacity: usize,
}

impl Buffer {
    fn new(bytes: Vec<u8>) -> Self {
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

    /// Replaces the bytes and frees the previous ones.
    ///
    /// # Safety
    /// The buffer is all zero or was filled by this function, and its previous bytes are no longer
    /// used.
    unsafe fn replace(&mut self, bytes: Vec<u8>) {
        let Self {
            data,
            length,
            capacity,
        } = mem::replace(self, Self::new(bytes));
        if !data.is_null() {
            // SAFETY: the parts of a vector that `new` took apart; this is their only use.
            drop(unsafe { Vec::from_raw_parts(data, length, capacity) });
        }
    }
}

/// Frees the bytes of a buffer and sets it to all zero. The buffer may be used or freed again. Null
/// is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_buffer_free(buffer: *mut Buffer) {
    catch_panic(|| {
        // SAFETY: null, or a buffer of the caller that no other thread uses.
        if let Some(buffer) = unsafe { buffer.as_mut() } {
            // SAFETY: buffers are initially all zero, and only `replace` fills them.
            unsafe { buffer.replace(Vec::new()) };
        }
    });
}

impl Bytes {
    /// Returns whether there are no bytes at all, as opposed to an empty text.
    pub(crate) fn is_null(self) -> bool {
        self.data.is_null()
    }

    /// Returns the borrowed bytes. `name` is the argument's name for the error.
    ///
    /// # Safety
    /// Unless null, `data` points to `length` bytes that are not written to during `'a`, which must
    /// not outlive the call.
    pub(crate) unsafe fn as_slice<'a>(self, name: &str) -> Result<&'a [u8], CallError> {
        if self.length == 0 {
            return Ok(&[]);
        }
        if self.data.is_null() {
            return Err(CallError::invalid_argument(format!(
                "`{name}` has a length but no data"
            )));
        }
        if isize::try_from(self.length).is_err() {
            return Err(CallError::invalid_argument(format!(
                "`{name}` is longer than an object can be"
            )));
        }
        // SAFETY: not null and not longer than any object; the caller guarantees the rest.
        Ok(unsafe { slice::from_raw_parts(self.data, self.length) })
    }

    /// Returns the borrowed bytes as text.
    ///
    /// # Safety
    /// As for [`Self::as_slice`].
    pub(crate) unsafe fn as_str<'a>(self, name: &str) -> Result<&'a str, CallError> {
        // SAFETY: guaranteed by the caller.
        let bytes = unsafe { self.as_slice(name) }?;
        str::from_utf8(bytes)
            .map_err(|_| CallError::invalid_argument(format!("`{name}` is not UTF-8")))
    }

    /// Returns the bytes as a path; `None` if they are empty.
    ///
    /// # Safety
    /// As for [`Self::as_slice`].
    pub(crate) unsafe fn to_path(self, name: &str) -> Result<Option<PathBuf>, CallError> {
        // SAFETY: guaranteed by the caller.
        let text = unsafe { self.as_str(name) }?;
        Ok(Some(text)
            .filter(|text| !text.is_empty())
            .map(PathBuf::from))
    }
}

/// A call that did not succeed: its status, and the message for the caller's client.
#[derive(Debug)]
pub(crate) struct CallError {
    pub(crate) status: Status,
    message: String,
}

impl CallError {
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, message }
    }

    pub(crate) fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(STATUS_INVALID_ARGUMENT, message)
    }

    pub(crate) fn invalid_configuration(message: impl Into<String>) -> Self {
        Self::new(STATUS_INVALID_CONFIGURATION, message)
    }

    pub(crate) fn invalid_review(message: impl Into<String>) -> Self {
        Self::new(STATUS_INVALID_REVIEW, message)
    }

    pub(crate) fn internal() -> Self {
        Self::new(STATUS_INTERNAL, INTERNAL)
    }
}

/// The caller's buffer for the result or the error message of a call.
pub(crate) struct Output(*mut Buffer);

impl Output {
    /// # Safety
    /// The pointer is null or, for the duration of the call, points to a buffer that is all zero or
    /// was filled by this library, and that no other thread uses.
    pub(crate) unsafe fn new(buffer: *mut Buffer) -> Self {
        Self(buffer)
    }

    pub(crate) fn is_null(&self) -> bool {
        self.0.is_null()
    }

    fn write(&self, bytes: Vec<u8>) {
        // SAFETY: guaranteed to `new`; `self` does not outlive the call.
        if let Some(buffer) = unsafe { self.0.as_mut() } {
            // SAFETY: guaranteed to `new`.
            unsafe { buffer.replace(bytes) };
        }
    }
}

/// Runs a call, writes its result or its error message to `output`, and returns its status.
pub(crate) fn run(output: &Output, call: impl FnOnce() -> Result<Vec<u8>, CallError>) -> Status {
    let result = panic::catch_unwind(AssertUnwindSafe(call));
    match result.unwrap_or_else(|_| Err(CallError::internal())) {
        Ok(bytes) => {
            output.write(bytes);
            STATUS_OK
        }
        Err(CallError { status, message }) => {
            output.write(message.into_bytes());
            status
        }
    }
}

/// Runs a call that cannot report an error; returns `default` if it panics.
pub(crate) fn run_or<T>(default: T, call: impl FnOnce() -> T) -> T {
    panic::catch_unwind(AssertUnwindSafe(call)).unwrap_or(default)
}

/// Runs a call that has no result; a panic ends it.
pub(crate) fn catch_panic(call: impl FnOnce()) {
    run_or((), call);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_a_panic_as_a_status_without_its_message() {
        let mut buffer = Buffer {
            data: ptr::null_mut(),
            length: 0,
            capacity: 0,
        };
        // SAFETY: the buffer is all zero and belongs to this thread.
        let output = unsafe { Output::new(&raw mut buffer) };
        assert_eq!(run(&output, || panic!("token=secret")), STATUS_INTERNAL);
        // SAFETY: `run` has filled the buffer.
        let text = unsafe { slice::from_raw_parts(buffer.data, buffer.length) };
        assert_eq!(text, INTERNAL.as_bytes());
        // SAFETY: a buffer of this library.
        unsafe { k8s_wasm_buffer_free(&raw mut buffer) };
        assert!(buffer.data.is_null());
        assert!(run_or(true, || panic!("again")));
    }

    fn error_status(data: *const u8, length: usize) -> Option<Status> {
        // SAFETY: rejected bytes are not read, and the others are one byte with static lifetime.
        let text = unsafe { Bytes { data, length }.as_str("x") };
        text.err().map(|error| error.status)
    }

    #[test]
    fn accepts_empty_bytes_with_and_without_a_pointer() {
        assert_eq!(error_status(ptr::null(), 0), None);
        assert_eq!(error_status(ptr::dangling(), 0), None);
    }

    #[test]
    fn rejects_impossible_bytes() {
        let invalid = Some(STATUS_INVALID_ARGUMENT);
        let byte = b"\xff";
        assert_eq!(error_status(ptr::null(), 1), invalid);
        assert_eq!(error_status(byte.as_ptr(), usize::MAX), invalid);
        assert_eq!(error_status(byte.as_ptr(), 1), invalid);
    }
}
