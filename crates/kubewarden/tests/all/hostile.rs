//! The modules in `tests/policies/wat`, which respect or violate the binary interface.

use std::collections::BTreeSet;
use std::fs;

use capabilities::{Capabilities, ServiceOptions, Services};
use engine::{ByteSize, CallError, Engine, LoadError, Options};
use kubewarden::{ExecutionMode, Failure, Mode, Verdict};

use crate::support::{
    Setup, any_request, deadline_in_ms, generous_deadline, module, root, validate,
};

/// The outcome of calling a module.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// The policy accepts.
    Accepts,
    Pointer,
    Deadline,
    HostCalls,
    TooLarge,
    Trap,
    Exit(i32),
    Reported(String),
    Protocol,
    /// The response is invalid.
    Response,
}

use Outcome::{
    Accepts, Deadline, Exit, HostCalls, Pointer, Protocol, Reported, Response, TooLarge, Trap,
};

#[test]
fn contains_modules_that_violate_the_binary_interface() {
    let reported = |text: &str| Reported(text.to_owned());
    let table = [
        ("console-log-flood", Deadline),
        ("console-log-out-of-bounds", Pointer),
        ("guest-error-not-utf8", reported("no \u{fffd}")),
        ("guest-error-out-of-bounds", Pointer),
        ("guest-error-too-large", TooLarge),
        ("guest-request-one-past-the-end", Pointer),
        ("guest-request-out-of-bounds", Pointer),
        ("guest-request-up-to-the-end", Accepts),
        ("guest-response-not-utf8", Response),
        ("guest-response-out-of-bounds", Pointer),
        ("guest-response-too-large", TooLarge),
        ("guest-response-twice", Accepts),
        ("guest-response-wrapping", Pointer),
        ("host-call-clears-the-last-one", Accepts),
        ("host-call-flood", HostCalls),
        ("host-call-huge-payload", Pointer),
        ("host-call-not-utf8", Accepts),
        ("host-call-out-of-bounds", Pointer),
        ("host-call-too-large", TooLarge),
        ("host-error-out-of-bounds", Pointer),
        ("host-response-out-of-bounds", Pointer),
        ("host-response-without-call", Accepts),
        ("init-endless-loop", Deadline),
        ("init-host-call-flood", HostCalls),
        ("init-traps", Trap),
        ("ok-without-response", Protocol),
        ("one-with-error", Accepts),
        ("start-endless-loop", Deadline),
        ("start-exits-with-0", Accepts),
        ("start-exits-with-3", Exit(3)),
        ("start-order", Accepts),
        ("start-section-endless-loop", Deadline),
        ("start-traps", Trap),
        ("wasi-endless-loop", Deadline),
        ("wasi-exit-3", reported("gave up")),
        ("wasi-host-call-out-of-bounds", Pointer),
        ("zero-with-error", reported("the policy gave up")),
        ("zero-with-response", reported("no error message")),
        ("zero-without-error", reported("no error message")),
    ];
    let not_loadable = ["guest-call-wrong-type", "no-memory", "unknown-import"];
    let known: BTreeSet<_> = table
        .iter()
        .map(|(name, _)| *name)
        .chain(not_loadable)
        .collect();
    assert_eq!(
        known,
        files().iter().map(String::as_str).collect(),
        "a module is missing in the table"
    );

    let mut wrong = Vec::new();
    for (name, expected) in table {
        let found = outcome(name, &expected);
        if found != expected {
            wrong.push(format!("{name}: expected {expected:?}, found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rejects_modules_that_cannot_be_called_when_they_are_loaded() {
    let engine = Engine::new(Options::default()).unwrap();
    assert!(matches!(
        engine.load(&wat("no-memory")),
        Err(LoadError::NoMemory)
    ));
    let error = engine.load(&wat("unknown-import")).unwrap_err().to_string();
    assert!(error.contains("`wapc.__host_shutdown`"), "{error}");
    let callable = engine.load(&wat("guest-call-wrong-type")).unwrap();
    assert!(Mode::new(&callable, ExecutionMode::Wapc).is_err());
}

fn files() -> Vec<String> {
    let folder = fs::read_dir(root().join("tests/policies/wat")).unwrap();
    let stem = |path: std::path::PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    folder.map(|entry| stem(entry.unwrap().path())).collect()
}

fn wat(name: &str) -> Vec<u8> {
    let file = root()
        .join("tests/policies/wat")
        .join(name)
        .with_extension("wat");
    wat::parse_file(file).unwrap()
}

fn outcome(name: &str, expected: &Outcome) -> Outcome {
    let mode = if name.starts_with("wasi-") {
        ExecutionMode::Wasi
    } else {
        ExecutionMode::Wapc
    };
    let mut setup = Setup::new(mode);
    // Some modules look up `localhost`.
    setup.capabilities = Capabilities::live(Services::new(ServiceOptions::default()));
    setup.limits.memory = ByteSize::mib(128);
    let policy = setup.load(&module(&wat(name)));
    let deadline = match expected {
        Deadline => deadline_in_ms(100),
        _ => generous_deadline(),
    };
    match validate(&policy, &any_request(), deadline) {
        Ok(validation) => match validation.verdict {
            Verdict::Accept(_) => Accepts,
            Verdict::Reject(rejection) => Reported(rejection.message.unwrap_or_default()),
        },
        Err(Failure::Response { .. }) => Response,
        Err(failure @ (Failure::Internal(_) | Failure::Deadline)) => panic!("{name}: {failure}"),
        Err(Failure::Call(failed)) => match failed.error {
            CallError::Pointer => Pointer,
            CallError::Deadline(_) => Deadline,
            CallError::HostCalls { .. } => HostCalls,
            CallError::OutputTooLarge { .. } => TooLarge,
            CallError::Trap(_) => Trap,
            CallError::Exit(code) => Exit(code),
            CallError::Reported(text) => Reported(text),
            CallError::Convention(_) => Protocol,
            other => panic!("{name}: {other}"),
        },
    }
}
