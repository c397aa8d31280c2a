//! A module whose settings define its behaviour, so that every rule of the specification can have a
//! vector.
//!
//! The settings are `{"do": [step, …]}`; the steps run in order. The module exports `authn`,
//! `authz` and `validate`, intentionally not `mutate`. It uses only the specification, not the SDK.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "some behaviours are traps"
)]

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, hint, process};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use wire::admission::{self, PatchType};
use wire::envelope::{Input, Output};
use wire::review::Version;

#[derive(Deserialize)]
struct Settings {
    #[serde(rename = "do")]
    steps: Vec<Step>,
}

/// One step.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Step {
    /// Writes this review as the response.
    Answer(Value),
    /// Writes an AdmissionReview without a uid that accepts, with this document as its patch.
    Patch { form: PatchType, document: Value },
    /// Writes a response whose `status.reason` is the number of calls of this instance.
    Count,
    /// Writes a response whose `status.reason` lists the environment that the module sees.
    LookAround,
    /// Writes this text to stdout.
    Stdout(String),
    /// Writes this text to stderr.
    Stderr(String),
    /// Writes this many MiB to stdout.
    FloodStdout(u32),
    /// Writes this many MiB to stderr.
    FloodStderr(u32),
    /// Fills this many MiB of memory.
    Allocate(u32),
    /// Exits with this code.
    Exit(i32),
    /// Executes `unreachable`.
    Trap,
    /// Panics.
    Panic,
    /// Overflows the stack.
    Recurse,
    /// Loops forever.
    Loop,
}

static CALLS: AtomicU32 = AtomicU32::new(0);

fn call() {
    CALLS.fetch_add(1, Ordering::Relaxed);
    let mut input = Vec::new();
    let read = io::stdin().lock().read_to_end(&mut input);
    read.expect("readable stdin");
    let input: Input<IgnoredAny, Settings> = serde_json::from_slice(&input).expect("valid input");
    for step in input.settings.expect("settings").steps {
        run(step);
    }
}

fn run(step: Step) {
    match step {
        Step::Answer(review) => respond(&review),
        Step::Patch { form, document } => respond_with_patch(form, &document),
        Step::Count => respond_with_reason(&format!("call {}", CALLS.load(Ordering::Relaxed))),
        Step::LookAround => respond_with_reason(&look_around()),
        Step::Stdout(text) => write(&mut io::stdout(), text.as_bytes()),
        Step::Stderr(text) => write(&mut io::stderr(), text.as_bytes()),
        Step::FloodStdout(mebibytes) => flood(&mut io::stdout(), mebibytes),
        Step::FloodStderr(mebibytes) => flood(&mut io::stderr(), mebibytes),
        Step::Allocate(mebibytes) => allocate(mebibytes),
        Step::Exit(code) => process::exit(code),
        Step::Trap => process::abort(),
        Step::Panic => panic!("as the settings specify"),
        Step::Recurse => recurse([0; 1024]),
        Step::Loop => loop {
            hint::spin_loop();
        },
    }
}

fn respond(review: &Value) {
    let output = serde_json::to_vec(&Output::response(review)).expect("serializable value");
    write(&mut io::stdout(), &output);
}

fn respond_with_patch(form: PatchType, document: &Value) {
    let response = admission::Response {
        allowed: true,
        patch: Some(serde_json::to_vec(document).expect("serializable value")),
        patch_type: Some(form),
        ..admission::Response::default()
    };
    let review = admission::write_response(Version::V1, &response);
    respond(&serde_json::from_slice(&review).expect("serializable value"));
}

fn respond_with_reason(text: &str) {
    respond(&serde_json::json!({"status": {"reason": text}}));
}

fn look_around() -> String {
    let variables = env::vars_os().count();
    let files = ["/", ".", "/etc/passwd"];
    let readable = files
        .iter()
        .filter(|path| fs::metadata(path).is_ok())
        .count();
    format!("variables: {variables}, files: {readable}")
}

fn write(to: &mut impl Write, bytes: &[u8]) {
    to.write_all(bytes)
        .and_then(|()| to.flush())
        .expect("writable pipe");
}

fn flood(to: &mut impl Write, mebibytes: u32) {
    let mebibyte = vec![b'x'; 1 << 20];
    for _ in 0..mebibytes {
        write(to, &mebibyte);
    }
}

fn allocate(mebibytes: u32) {
    let mut held = Vec::new();
    for _ in 0..mebibytes {
        held.push(hint::black_box(vec![1u8; 1 << 20]));
    }
}

#[expect(unconditional_recursion, reason = "overflows the stack")]
fn recurse(frame: [u8; 1024]) {
    recurse(hint::black_box(frame));
    hint::black_box(frame);
}

/// Exports [`call`] under the given names, on wasm only.
macro_rules! export {
    ($($entry:ident),+) => {
        $(const _: () = {
            #[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
            #[allow(
                dead_code,
                unsafe_code,
                reason = "the host calls it by this name, which no other function here has"
            )]
            extern "C" fn $entry() {
                call();
            }
        };)+
    };
}

export!(authn, authz, validate);
