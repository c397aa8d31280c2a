//! What library this is, and what to say when nothing else can be said.

use std::ffi::{CStr, c_char};

use crate::types::{
    STATUS_ARGUMENT, STATUS_BUSY, STATUS_CANCELLED, STATUS_CONFIGURATION, STATUS_OK, STATUS_REVIEW,
    STATUS_UNCHANGED, STATUS_UNDECIDED, Status,
};

/// The version of this interface. It grows when callers that were compiled with an older header would break.
pub const ABI: u32 = 1;

/// The version of the interface that the library was built with; to be compared with `K8S_WASM_ABI` before anything else.
#[unsafe(no_mangle)]
pub extern "C" fn k8s_wasm_abi() -> u32 {
    ABI
}

/// The version of the library, such as `0.1.0`. A static text.
#[unsafe(no_mangle)]
pub extern "C" fn k8s_wasm_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// A few words for a status, for when there is no other text. A static text, whatever the number.
#[unsafe(no_mangle)]
pub extern "C" fn k8s_wasm_last_resort(status: Status) -> *const c_char {
    let text: &CStr = match status {
        STATUS_OK => c"done",
        STATUS_ARGUMENT => c"the policy host was called in a way that it does not understand",
        STATUS_CONFIGURATION => c"the configuration of the policies cannot be used",
        STATUS_REVIEW => c"the policy host does not understand the review",
        STATUS_UNDECIDED => c"policies failed and there is no decision",
        STATUS_BUSY => c"too many policies are being asked",
        STATUS_CANCELLED => c"the request ended before the policies had decided",
        STATUS_UNCHANGED => c"nothing has changed",
        _ => c"the policy host failed",
    };
    text.as_ptr()
}
