//! How a decision came about, for people: the same words for a review that is tried and for one that was decided long ago.

use std::io::Write;
use std::time::Duration;

use access::trace::{Step, StepOutcome, StepVerdict};
use access::{Consequence, text};
use host::Verdict;

use crate::paint::Paint;
use crate::table::Table;

/// The decision in one word, in its colour.
pub(crate) fn painted(verdict: Verdict, paint: Paint) -> String {
    let text = verdict.as_str();
    match verdict {
        Verdict::Authenticated | Verdict::Allowed | Verdict::Accepted | Verdict::Patched => {
            paint.green(text)
        }
        Verdict::Unauthenticated | Verdict::NoOpinion => paint.yellow(text),
        Verdict::Denied | Verdict::Rejected | Verdict::Failed => paint.red(text),
    }
}

/// Every policy of the chain: what it answered and how long that took, or why it was not asked.
pub(crate) fn write(out: &mut dyn Write, steps: &[Step]) -> std::io::Result<()> {
    writeln!(out, "  trace:")?;
    let mut table = Table::default();
    for step in steps {
        let (answer, time) = match &step.outcome {
            StepOutcome::Skipped(reason) => {
                (format!("not asked: {}", reason.describe()), String::new())
            }
            StepOutcome::Evaluated { timing, answer } => (what(answer), told(timing.elapsed)),
            StepOutcome::Monitored { timing, answer } => (
                match answer {
                    StepVerdict::Failed { .. } => format!("mode monitor: {}", what(answer)),
                    _ => format!("mode monitor, would have been: {}", what(answer)),
                },
                told(timing.elapsed),
            ),
        };
        table.row([
            step.policy.to_string(),
            format!("{time:>TIME_WIDTH$}"),
            text::line(&answer, usize::MAX),
        ]);
    }
    table.write(out, "    ")?;
    for step in steps {
        let detail = step
            .failure()
            .and_then(|(failure, _)| failure.detail.as_deref());
        if detail.is_some() || !step.notes.is_empty() {
            writeln!(out, "  from {}:", step.policy)?;
        }
        let notes = step.notes.iter().map(String::as_str);
        for line in notes.chain(detail.into_iter().flat_map(str::lines)) {
            writeln!(out, "    | {}", text::line(line, usize::MAX))?;
        }
    }
    Ok(())
}

fn what(answer: &StepVerdict) -> String {
    match answer {
        StepVerdict::Authenticated { username } => format!("authenticated as {username}"),
        StepVerdict::UnknownToken => "does not know the token".to_owned(),
        StepVerdict::AudienceMismatch => {
            "knows the token, but it is for other audiences".to_owned()
        }
        StepVerdict::Allowed { reason } => with("allowed", reason),
        StepVerdict::Denied { reason } => with("denied", reason),
        StepVerdict::NoOpinion { reason } => with("no opinion", reason),
        StepVerdict::Accepted { mutated: true } => "accepted and changed the object".to_owned(),
        StepVerdict::Accepted { mutated: false } => "accepted".to_owned(),
        StepVerdict::Rejected { message, code } => with(&format!("rejected with {code}"), message),
        StepVerdict::Failed {
            failure,
            consequence,
        } => {
            let consequence = match consequence {
                Consequence::NoDecision => "",
                Consequence::Denied => ", which denies",
                Consequence::Ignored => ", which is ignored",
            };
            format!("failed ({}){consequence}: {failure}", failure.kind.as_str())
        }
    }
}

fn with(word: &str, text: &str) -> String {
    if text.is_empty() {
        word.to_owned()
    } else {
        format!("{word}: {text}")
    }
}

/// The longest that [`told`] tells of a call: `999.9 ms`.
const TIME_WIDTH: usize = 8;

/// A time in a unit that fits. Three digits are enough to compare.
pub(crate) fn told(elapsed: Duration) -> String {
    let micros = elapsed.as_micros();
    match micros {
        0..1_000 => format!("{micros} us"),
        1_000..1_000_000 => format!("{:.1} ms", elapsed.as_secs_f64() * 1e3),
        _ => format!("{:.2} s", elapsed.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_times_in_a_unit_that_fits() {
        assert_eq!(told(Duration::from_micros(42)), "42 us");
        assert_eq!(told(Duration::from_micros(1_234)), "1.2 ms");
        assert_eq!(told(Duration::from_millis(1_500)), "1.50 s");
    }
}
