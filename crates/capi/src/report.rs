//! Information about the library and about a host: versions, messages, metrics and recent
//! decisions.

use std::ffi::{CStr, c_char};

use crate::ffi::{self, Buffer, CallError, Output};
use crate::open::Host;
use crate::types::{
    ABI, STATUS_CANCELLED, STATUS_INVALID_ARGUMENT, STATUS_INVALID_CONFIGURATION,
    STATUS_INVALID_REVIEW, STATUS_NO_DECISION, STATUS_OK, STATUS_OVERLOADED, STATUS_UNCHANGED,
    Status,
};

/// Returns the version of the interface that the library implements. Compare it with `K8S_WASM_ABI`
/// before any other call.
#[unsafe(no_mangle)]
pub extern "C" fn k8s_wasm_abi() -> u32 {
    ABI
}

/// Returns the version of the library, such as `0.1.0`. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn k8s_wasm_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// Returns a short message for any status, for use when a call returned no text. The text is
/// static.
#[unsafe(no_mangle)]
pub extern "C" fn k8s_wasm_status_message(status: Status) -> *const c_char {
    let text: &CStr = match status {
        STATUS_OK => c"ok",
        STATUS_INVALID_ARGUMENT => c"the policy host was called with an invalid argument",
        STATUS_INVALID_CONFIGURATION => c"the configuration of the policies is invalid",
        STATUS_INVALID_REVIEW => c"the review is invalid",
        STATUS_NO_DECISION => c"policies failed and there is no decision",
        STATUS_OVERLOADED => c"too many policies are running",
        STATUS_CANCELLED => c"the request ended before the policies had decided",
        STATUS_UNCHANGED => c"no file has changed",
        _ => c"the policy host failed",
    };
    text.as_ptr()
}

/// Writes the metrics of the host in the Prometheus text format
/// (`application/openmetrics-text; version=1.0.0; charset=utf-8`).
///
/// OK: `text` is the metrics. Otherwise INVALID_ARGUMENT or INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_metrics(host: *const Host, text: *mut Buffer) -> Status {
    // SAFETY: guaranteed by the caller.
    unsafe { report(host, text, |host| host.observer.metrics_text()) }
}

/// Writes the recent decisions of the host, oldest first, as the JSON that `k8s-wasm explain`
/// reads: those with a `sequence` greater than `after`; 0 selects all. They contain names of users
/// and resources, but no token and no object.
///
/// OK: `list` is the decisions. Otherwise INVALID_ARGUMENT or INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_decisions(
    host: *const Host,
    after: u64,
    list: *mut Buffer,
) -> Status {
    // SAFETY: guaranteed by the caller.
    unsafe { report(host, list, |host| host.observer.recent().to_json(after)) }
}

/// # Safety
/// `host` is null or an open host; `output` is null or a buffer of the caller.
unsafe fn report(
    host: *const Host,
    output: *mut Buffer,
    format: impl FnOnce(&Host) -> String,
) -> Status {
    // SAFETY: guaranteed by the caller.
    let output = unsafe { Output::new(output) };
    ffi::run(&output, || {
        if output.is_null() {
            return Err(CallError::invalid_argument("the output buffer is null"));
        }
        // SAFETY: guaranteed by the caller.
        let host = unsafe { host.as_ref() };
        let host = host.ok_or_else(|| CallError::invalid_argument("`host` is null"))?;
        Ok(format(host).into_bytes())
    })
}
