//! The verdict and the trace of a decision as text, the same for `run` and `explain`.

use std::io::{self, Write};

use access::trace::{Step, StepOutcome, StepVerdict};
use access::{Consequence, text};
use host::Verdict;

use crate::terminal::{Styles, Table, format_duration, styled};

/// Width of the longest duration of a call, `999.9 ms`.
const DURATION_WIDTH: usize = 8;

/// Returns the verdict in its colour.
pub(crate) fn styled_verdict(verdict: Verdict, styles: Styles) -> String {
    let style = match verdict {
        Verdict::Authenticated | Verdict::Allowed | Verdict::Accepted | Verdict::Patched => {
            styles.success
        }
        Verdict::Unauthenticated | Verdict::NoOpinion => styles.warning,
        Verdict::Denied | Verdict::Rejected | Verdict::Failed => styles.error,
    };
    styled(verdict.as_str(), style)
}

/// Writes a row for each policy of the chain: its name, the duration of the call and its verdict,
/// or the reason why it was skipped.
pub(crate) fn write(out: &mut dyn Write, steps: &[Step]) -> io::Result<()> {
    writeln!(out, "  trace:")?;
    let mut table = Table::default();
    for step in steps {
        let outcome = match &step.outcome {
            StepOutcome::Skipped(reason) => format!("skipped: {}", reason.describe()),
            StepOutcome::Evaluated { verdict, .. } => describe(verdict),
            StepOutcome::Monitored { verdict, .. } => format!("monitored: {}", describe(verdict)),
        };
        let duration = step.duration().map(format_duration).unwrap_or_default();
        table.row([
            step.policy.to_string(),
            format!("{duration:>DURATION_WIDTH$}"),
            text::line(&outcome, usize::MAX),
        ]);
    }
    table.write(out, "    ")?;
    for step in steps {
        let failure = step.failure();
        let detail = failure.and_then(|(failure, _)| failure.detail.as_deref());
        if detail.is_some() || !step.notes.is_empty() {
            writeln!(out, "  details of {}:", step.policy)?;
        }
        let notes = step.notes.iter().map(String::as_str);
        for line in notes.chain(detail.into_iter().flat_map(str::lines)) {
            writeln!(out, "    | {}", text::line(line, usize::MAX))?;
        }
    }
    Ok(())
}

fn describe(verdict: &StepVerdict) -> String {
    match verdict {
        StepVerdict::Authenticated { username } => format!("authenticated as {username}"),
        StepVerdict::UnknownToken => "unknown token".to_owned(),
        StepVerdict::AudienceMismatch => "known token, but for other audiences".to_owned(),
        StepVerdict::Allowed { reason } => with_reason("allowed", reason),
        StepVerdict::Denied { reason } => with_reason("denied", reason),
        StepVerdict::NoOpinion { reason } => with_reason("no opinion", reason),
        StepVerdict::Accepted { mutated: true } => "accepted, object patched".to_owned(),
        StepVerdict::Accepted { mutated: false } => "accepted".to_owned(),
        StepVerdict::Rejected { message, code } => {
            with_reason(&format!("rejected with code {code}"), message)
        }
        StepVerdict::Failed {
            failure,
            consequence,
        } => {
            let consequence = match consequence {
                Consequence::NoDecision => "",
                Consequence::Denied => ", request denied",
                Consequence::Ignored => ", ignored",
            };
            format!("failed ({}){consequence}: {failure}", failure.kind.as_str())
        }
    }
}

fn with_reason(verdict: &str, reason: &str) -> String {
    if reason.is_empty() {
        verdict.to_owned()
    } else {
        format!("{verdict}: {reason}")
    }
}
