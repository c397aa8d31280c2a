//! From what went wrong in a call to what `access` decides by: one kind, one message for the client, details for the log.

use access::{Failure, FailureKind};
use engine::{CallError, CallFailed};
use wire::envelope::OutputError;

/// What went wrong while the module ran.
pub(crate) fn from_call(failed: &CallFailed) -> Failure {
    let kind = match &failed.error {
        CallError::Deadline(_) => FailureKind::Deadline,
        CallError::Memory { .. } | CallError::Table { .. } => FailureKind::Memory,
        CallError::Trap(_) => FailureKind::Trap,
        CallError::Exit(_) => FailureKind::Exit,
        CallError::StdinTooLarge { .. } => FailureKind::Input,
        CallError::OutputTooLarge { .. } => FailureKind::Output,
        CallError::Busy => FailureKind::Busy,
        CallError::HostCalls { .. } => FailureKind::Input,
        CallError::Reported(_) => FailureKind::Reported,
        CallError::Protocol(_) | CallError::Pointer => FailureKind::Trap,
        CallError::Host(_) => FailureKind::Host,
    };
    let backtrace = match &failed.error {
        CallError::Host(cause) => cause.to_string(),
        error => backtrace(error).unwrap_or_default(),
    };
    with_detail(
        Failure::new(kind, failed.error.to_string()),
        &backtrace,
        &failed.stderr,
    )
}

/// Why a Kubewarden policy has no answer.
pub(crate) fn from_kubewarden(failure: kubewarden::Failure) -> Failure {
    match failure {
        // The words of a policy are left to level debug: the usual SDK quotes the whole request in them, a Secret's data, too.
        kubewarden::Failure::Call(failed) => match &failed.error {
            CallError::Reported(said) => {
                Failure::new(FailureKind::Reported, "the policy reported an error")
                    .with_detail(said.clone())
            }
            _ => from_call(&failed),
        },
        kubewarden::Failure::Response { problem, detail } => {
            with_detail(Failure::new(FailureKind::Answer, problem), &detail, b"")
        }
        kubewarden::Failure::Deadline => Failure::new(FailureKind::Deadline, failure.to_string()),
        kubewarden::Failure::Internal(problem) => Failure::new(FailureKind::Host, problem),
    }
}

/// Where the module trapped. A module that is out of memory usually traps, too: then it is one level down.
fn backtrace(error: &CallError) -> Option<String> {
    match error {
        CallError::Trap(trap) => Some(trap.backtrace.to_string()),
        CallError::Memory { ended, .. } | CallError::Table { ended, .. } => {
            ended.as_deref().and_then(backtrace)
        }
        _ => None,
    }
}

/// What is wrong with what the module wrote.
pub(crate) fn from_output(error: &OutputError, stderr: &[u8]) -> Failure {
    let kind = match error {
        OutputError::Reported(_) => FailureKind::Reported,
        OutputError::NotEnvelope(_) | OutputError::Empty => FailureKind::Answer,
    };
    with_detail(Failure::new(kind, error.to_string()), "", stderr)
}

fn with_detail(failure: Failure, backtrace: &str, stderr: &[u8]) -> Failure {
    let stderr = String::from_utf8_lossy(stderr);
    let parts: Vec<&str> = [backtrace, &stderr]
        .into_iter()
        .map(str::trim_end)
        .filter(|part| !part.is_empty())
        .collect();
    if parts.is_empty() {
        failure
    } else {
        failure.with_detail(parts.join("\n"))
    }
}
