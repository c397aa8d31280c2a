//! What a host tells of itself: metrics, and the last decisions with the reasons for each.

use crate::buffer::Buffer;
use crate::guard::{self, Out, Refused};
use crate::open::Host;
use crate::types::Status;

/// What the host counts and measures, as text that Prometheus can scrape
/// (`application/openmetrics-text; version=1.0.0; charset=utf-8`).
///
/// OK: `text` is the text. Otherwise ARGUMENT or INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_metrics(host: *const Host, text: *mut Buffer) -> Status {
    // SAFETY: promised to this function.
    unsafe { tell(host, text, |host| host.observer.metrics_text()) }
}

/// The last decisions of the host, JSON as `k8s-wasm explain` reads it, oldest first: those with a `sequence` greater than
/// `after`, so all that are kept with 0. No token and no object is in it, but names of users and resources are.
///
/// OK: `list` is the list. Otherwise ARGUMENT or INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_decisions(
    host: *const Host,
    after: u64,
    list: *mut Buffer,
) -> Status {
    // SAFETY: promised to this function.
    unsafe { tell(host, list, |host| host.observer.recent().to_json(after)) }
}

/// # Safety
/// `host` is null or made by `k8s_wasm_open` and not closed yet; `place` is null or a buffer of the caller's.
unsafe fn tell(
    host: *const Host,
    place: *mut Buffer,
    what: impl FnOnce(&Host) -> String,
) -> Status {
    // SAFETY: promised to this function.
    let place = unsafe { Out::new(place) };
    guard::run(&place, || {
        if place.is_null() {
            return Err(Refused::argument("there is no buffer for the answer"));
        }
        // SAFETY: promised to this function.
        let host = unsafe { host.as_ref() };
        let host = host.ok_or_else(|| Refused::argument("`host` is null"))?;
        Ok(what(host).into_bytes())
    })
}
