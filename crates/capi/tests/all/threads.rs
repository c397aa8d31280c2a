//! Many threads ask while the policies are loaded again and again.

#![allow(unsafe_code, reason = "this is called as C would call it")]

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

fn lent(text: &str) -> Bytes {
    Bytes {
        data: text.as_ptr(),
        length: text.len(),
    }
}

/// A host that is closed when it is dropped.
struct Opened(*mut Host);

// SAFETY: the header says that any thread may use a host.
unsafe impl Send for Opened {}
// SAFETY: likewise.
unsafe impl Sync for Opened {}

impl Opened {
    fn new(path: &Path) -> Self {
        let path = path.to_str().expect("UTF-8");
        let source = Source {
            format: FORMAT_CONFIGURATION,
            path: lent(path),
            text: Bytes {
                data: ptr::null(),
                length: 0,
            },
        };
        let mut host = ptr::null_mut();
        // SAFETY: everything is there for the length of the call, and null where that is allowed.
        let status = unsafe {
            k8s_wasm_open(
                &raw const source,
                ptr::null(),
                &raw mut host,
                ptr::null_mut(),
            )
        };
        assert_eq!(status, STATUS_OK);
        Self(host)
    }

    fn ask(&self) -> (Status, String) {
        let mut answer = Buffer {
            data: ptr::null_mut(),
            length: 0,
            capacity: 0,
        };
        let review = lent(REVIEW);
        // SAFETY: likewise; the buffer is all zero.
        let status = unsafe {
            k8s_wasm_ask(
                self.0,
                PLANE_AUTHORIZATION,
                review,
                60_000,
                ptr::null(),
                &raw mut answer,
            )
        };
        // SAFETY: the call has filled the buffer.
        let text = unsafe { slice::from_raw_parts(answer.data, answer.length) };
        let text = String::from_utf8(text.to_vec()).expect("UTF-8");
        // SAFETY: a buffer of the library.
        unsafe { k8s_wasm_buffer_free(&raw mut answer) };
        (status, text)
    }

    fn reload(&self) -> Status {
        // SAFETY: the host is open, and nobody wants the message.
        unsafe { k8s_wasm_reload(self.0, ptr::null_mut()) }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        // SAFETY: the last use.
        unsafe { k8s_wasm_close(self.0) };
    }
}

/// Ends the other threads, also when this one fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn policies_can_be_loaded_again_while_many_threads_ask() {
    let folder = modules::folder();
    let host = Opened::new(&folder.path().join("config.yaml"));
    let (allowing, denying) = (
        modules::answering("authz", modules::ALLOWED),
        modules::answering("authz", modules::DENIED),
    );
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let (status, answer) = host.ask();
                    assert_eq!(status, STATUS_OK, "{answer}");
                    assert!(answer.contains(r#""allowed":"#), "{answer}");
                }
            });
        }
        let _over = Over(&is_over);
        for round in 0..RELOADS {
            let (module, expected) = match round % 2 {
                0 => (&denying, r#""denied":true"#),
                _ => (&allowing, r#""allowed":true"#),
            };
            modules::write(folder.path(), "authz.wasm", module);
            assert_eq!(host.reload(), STATUS_OK);
            let (_, answer) = host.ask();
            assert!(answer.contains(expected), "{answer}");
        }
    });
}
