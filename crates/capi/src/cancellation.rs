//! Ending a call from another thread.

use std::future;

use tokio::sync::watch;

use crate::guard;

/// A way to end calls from another thread. Those that were given it end as soon as it is cancelled, and later ones at once.
pub struct Cancellation(watch::Sender<bool>);

impl Cancellation {
    /// Resolves when it is cancelled; never without one.
    pub(crate) async fn cancelled(cancellation: Option<&Self>) {
        match cancellation {
            // The sender is borrowed, so it is not gone before.
            Some(Self(sender)) => drop(sender.subscribe().wait_for(|cancelled| *cancelled).await),
            None => future::pending().await,
        }
    }
}

/// Makes a cancellation, not cancelled yet. Null when there is none to be had; then calls are made without.
#[unsafe(no_mangle)]
pub extern "C" fn k8s_wasm_cancellation_new() -> *mut Cancellation {
    guard::or(std::ptr::null_mut(), || {
        Box::into_raw(Box::new(Cancellation(watch::Sender::new(false))))
    })
}

/// Ends the calls that were given it. May be called on any thread, and more than once. Null is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_cancel(cancellation: *const Cancellation) {
    guard::quietly(|| {
        // SAFETY: null, or made by `k8s_wasm_cancellation_new` and not freed yet.
        if let Some(Cancellation(sender)) = unsafe { cancellation.as_ref() } {
            sender.send_replace(true);
        }
    });
}

/// Frees it, when all calls that were given it have returned. Null is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_cancellation_free(cancellation: *mut Cancellation) {
    guard::quietly(|| {
        if !cancellation.is_null() {
            // SAFETY: made by `k8s_wasm_cancellation_new` from a box, and used by nobody any more.
            drop(unsafe { Box::from_raw(cancellation) });
        }
    });
}
