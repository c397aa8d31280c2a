//! Concurrent evaluations while the policies are reloaded.

#![allow(unsafe_code, reason = "calls the functions as C does")]

use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{slice, thread};

use k8s_wasm::*;

use crate::modules;

const THREADS: usize = 32;
const RELOADS: usize = 10;

const REVIEW: &str = r#"{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview",
    "spec":{"nonResourceAttributes":{"path":"/","verb":"get"},"user":"jane"}}"#;

fn borrow(text: &str) -> Bytes {
    Bytes {
        data: text.as_ptr(),
        length: text.len(),
    }
}

/// A host that is closed on drop.
struct OpenHost(*mut Host);

// SAFETY: any thread may use a host, as the header documents.
unsafe impl Send for OpenHost {}
// SAFETY: as above.
unsafe impl Sync for OpenHost {}

impl OpenHost {
    fn new(path: &Path) -> Self {
        let path = path.to_str().unwrap();
        let source = Source {
            format: FORMAT_CONFIGURATION,
            path: borrow(path),
            text: Bytes {
                data: ptr::null(),
                length: 0,
            },
        };
        let mut host = ptr::null_mut();
        // SAFETY: all arguments are valid for the duration of the call, or null where allowed.
        let status = unsafe {
            k8s_wasm_open(
                &raw const source,
                ptr::null(),
                &raw mut host,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        assert_eq!(status, STATUS_OK);
        Self(host)
    }

    fn evaluate(&self) -> (Status, String) {
        let mut response = Buffer {
            data: ptr::null_mut(),
            length: 0,
            capacity: 0,
        };
        let request = EvaluationRequest {
            plane: PLANE_AUTHORIZATION,
            review: borrow(REVIEW),
            timeout_milliseconds: 60_000,
            already_evaluated: ptr::null(),
            already_evaluated_length: 0,
            cancellation: ptr::null(),
        };
        // SAFETY: as for `k8s_wasm_open`; the buffer is all zero.
        let status = unsafe { k8s_wasm_evaluate(self.0, &raw const request, &raw mut response) };
        // SAFETY: the call has filled the buffer.
        let text = unsafe { slice::from_raw_parts(response.data, response.length) };
        let text = String::from_utf8(text.to_vec()).unwrap();
        // SAFETY: a buffer of the library.
        unsafe { k8s_wasm_buffer_free(&raw mut response) };
        (status, text)
    }

    fn reload(&self) -> Status {
        // SAFETY: the host is open, and the message may be null.
        unsafe { k8s_wasm_reload(self.0, ptr::null_mut()) }
    }
}

impl Drop for OpenHost {
    fn drop(&mut self) {
        // SAFETY: the last use.
        unsafe { k8s_wasm_close(self.0) };
    }
}

/// Stops the other threads on drop, so also when this one fails.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn evaluates_on_many_threads_during_reloads() {
    let directory = modules::directory();
    let host = OpenHost::new(&directory.path().join("config.yaml"));
    let (allowing, denying) = (
        modules::writes("authz", modules::ALLOWED),
        modules::writes("authz", modules::DENIED),
    );
    let is_stopped = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while !is_stopped.load(Ordering::Relaxed) {
                    let (status, response) = host.evaluate();
                    assert_eq!(status, STATUS_OK, "{response}");
                    assert!(response.contains(r#""allowed":"#), "{response}");
                }
            });
        }
        let _stop = StopOnDrop(&is_stopped);
        for round in 0..RELOADS {
            let (module, expected) = match round % 2 {
                0 => (&denying, r#""denied":true"#),
                _ => (&allowing, r#""allowed":true"#),
            };
            modules::write(directory.path(), "authz.wasm", module);
            assert_eq!(host.reload(), STATUS_OK);
            let (_, response) = host.evaluate();
            assert!(response.contains(expected), "{response}");
        }
    });
}
