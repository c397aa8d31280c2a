//! Conversion of errors of calls into failures: a kind, a message for the client, and details for
//! the log.

use access::{Failure, FailureKind};
use engine::{CallError, CallFailure};
use wire::envelope::OutputError;

/// Converts the error of a call.
pub(crate) fn from_call(failed: &CallFailure) -> Failure {
    let kind = match &failed.error {
        CallError::Deadline(_) => FailureKind::Deadline,
        CallError::Memory { .. } | CallError::Table { .. } => FailureKind::Memory,
        CallError::Trap(_) => FailureKind::Trap,
        CallError::Exit(_) => FailureKind::Exit,
        CallError::InputTooLarge { .. } => FailureKind::Input,
        CallError::OutputTooLarge { .. } => FailureKind::Output,
        CallError::Overloaded => FailureKind::Overloaded,
        CallError::HostCalls { .. } => FailureKind::Input,
        CallError::Reported(_) => FailureKind::Reported,
        CallError::Convention(_) | CallError::Pointer => FailureKind::Trap,
        CallError::Internal(_) => FailureKind::Internal,
    };
    let backtrace = match &failed.error {
        CallError::Internal(cause) => cause.to_string(),
        error => backtrace(error).unwrap_or_default(),
    };
    with_detail(
        Failure::new(kind, failed.error.to_string()),
        &backtrace,
        &failed.stderr,
    )
}

/// Converts the error of a Kubewarden policy.
pub(crate) fn from_kubewarden(failure: kubewarden::Failure) -> Failure {
    match failure {
        // The policy's own text goes to the details, because the usual SDK quotes the whole request
        // in it, including the data of a Secret.
        kubewarden::Failure::Call(failed) => match &failed.error {
            CallError::Reported(text) => {
                Failure::new(FailureKind::Reported, "the policy reported an error")
                    .with_detail(text.clone())
            }
            _ => from_call(&failed),
        },
        kubewarden::Failure::Response { problem, detail } => {
            with_detail(Failure::new(FailureKind::Response, problem), &detail, b"")
        }
        kubewarden::Failure::Deadline => Failure::new(FailureKind::Deadline, failure.to_string()),
        kubewarden::Failure::Internal(problem) => Failure::new(FailureKind::Internal, problem),
    }
}

/// Returns the backtrace of a trap. A module that exceeds its memory limit usually traps as a
/// result; the trap is then nested.
fn backtrace(error: &CallError) -> Option<String> {
    match error {
        CallError::Trap(trap) => Some(trap.backtrace.to_string()),
        CallError::Memory { ended, .. } | CallError::Table { ended, .. } => {
            ended.as_deref().and_then(backtrace)
        }
        _ => None,
    }
}

/// Converts the error of an output.
pub(crate) fn from_output(error: &OutputError, stderr: &[u8]) -> Failure {
    let kind = match error {
        OutputError::Reported(_) => FailureKind::Reported,
        OutputError::NotEnvelope(_) | OutputError::Empty => FailureKind::Response,
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
