//! A module that does what its settings say, so that every rule of the specification can have a vector.
//!
//! The settings are `{"do": [step, …]}`; the steps are taken in order. It exports `authn`, `authz` and `validate`, on
//! purpose not `mutate`, and is written without the SDK: against the specification alone.
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

/// One thing to do.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Step {
    /// Writes this review as the response.
    Answer(Value),
    /// Writes an AdmissionReview without uid that accepts, with this document as its patch.
    Patch { form: PatchType, document: Value },
    /// Writes a response whose `status.reason` is how often this instance was called.
    Count,
    /// Writes a response whose `status.reason` tells what can be seen from inside.
    LookAround,
    /// Writes this to stdout as it is.
    Stdout(String),
    /// Writes this to stderr as it is.
    Stderr(String),
    /// Writes this many MiB to stdout.
    FloodStdout(u32),
    /// Writes this many MiB to stderr.
    FloodStderr(u32),
    /// Fills memory, this many MiB.
    Allocate(u32),
    /// Ends with this code.
    Exit(i32),
    /// Executes `unreachable`.
    Trap,
    /// Panics.
    Panic,
    /// Overflows the stack.
    Recurse,
    /// Never ends.
    Loop,
}

static CALLS: AtomicU32 = AtomicU32::new(0);

fn call() {
    CALLS.fetch_add(1, Ordering::Relaxed);
    let mut input = Vec::new();
    let read = io::stdin().lock().read_to_end(&mut input);
    read.expect("stdin can be read");
    let input: Input<IgnoredAny, Settings> = serde_json::from_slice(&input).expect("an input");
    for step in input.settings.expect("settings").steps {
        take(step);
    }
}

fn take(step: Step) {
    match step {
        Step::Answer(review) => answer(&review),
        Step::Patch { form, document } => patch(form, &document),
        Step::Count => reason(&format!("call {}", CALLS.load(Ordering::Relaxed))),
        Step::LookAround => reason(&look_around()),
        Step::Stdout(text) => write(&mut io::stdout(), text.as_bytes()),
        Step::Stderr(text) => write(&mut io::stderr(), text.as_bytes()),
        Step::FloodStdout(mebibytes) => flood(&mut io::stdout(), mebibytes),
        Step::FloodStderr(mebibytes) => flood(&mut io::stderr(), mebibytes),
        Step::Allocate(mebibytes) => allocate(mebibytes),
        Step::Exit(code) => process::exit(code),
        Step::Trap => process::abort(),
        Step::Panic => panic!("as the settings said"),
        Step::Recurse => recurse([0; 1024]),
        Step::Loop => loop {
            hint::spin_loop();
        },
    }
}

fn answer(review: &Value) {
    let output = serde_json::to_vec(&Output::response(review)).expect("JSON");
    write(&mut io::stdout(), &output);
}

fn patch(form: PatchType, document: &Value) {
    let response = admission::Response {
        allowed: true,
        patch: Some(serde_json::to_vec(document).expect("JSON")),
        patch_type: Some(form),
        ..admission::Response::default()
    };
    let review = admission::answer(Version::V1, &response);
    answer(&serde_json::from_slice(&review).expect("JSON"));
}

fn reason(text: &str) {
    answer(&serde_json::json!({"status": {"reason": text}}));
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
        .expect("a pipe");
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

/// Exports [`call`] under a name, to wasm only.
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
