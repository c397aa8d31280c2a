//! `k8s-wasm replay`: compares the decisions of a log with those of another configuration.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use access::{Plane, text};
use host::{EvaluateError, EvaluationRequest, Host};
use observe::{DecisionEvent, Origin, Record, decision_log::Line};

use crate::configuration::{ConfigurationArgs, EngineArgs};
use crate::explain;
use crate::logging;
use crate::outcome::{Exit, Outcome};
use crate::records::Lines;
use crate::runtime;
use crate::terminal::{Styles, styled};

/// Compare the decisions of a log with those of another configuration
///
/// Evaluates the reviews of a decision log with the policies of a configuration, and prints each
/// decision that differs.
///
/// Exits with 0 if all decisions are the same, with 1 if some differ, and with 2 if some reviews
/// cannot be evaluated.
///
/// Decisions on tokens are skipped, because decision logs do not contain tokens. Reviews from which
/// parts were removed (the data of Secrets, and the fields of `--decision-log-redact`) are
/// evaluated without them; differences in such reviews are marked.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  # Compare a new configuration with the decisions in production
  k8s-wasm replay /var/log/k8s-wasm/decisions.jsonl --config new.yaml")]
pub(crate) struct Args {
    /// Decision log of `serve --decision-log`; `-` reads standard input
    #[arg(value_name = "LOG|-")]
    log: PathBuf,

    /// Time limit of each decision
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = host::config::parse_duration)]
    timeout: Duration,

    #[command(flatten)]
    configuration: ConfigurationArgs,

    #[command(flatten)]
    engine: EngineArgs,
}

/// Replays lines, writes the differences and counts the results.
struct Replay<'a> {
    host: &'a Host,
    timeout: Duration,
    out: &'a mut dyn Write,
    styles: Styles,
    tally: Tally,
}

/// Numbers of decisions.
#[derive(Debug, Default)]
struct Tally {
    same: usize,
    different: usize,
    /// Decisions on tokens, which are not in the log.
    skipped: usize,
    /// Invalid lines, and reviews that cannot be evaluated.
    failed: usize,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    logging::init_for_warnings();
    let lines = Lines::open(&args.log)?;
    let configuration = args.configuration.load()?;
    let host = args.engine.load(&configuration)?;
    let runtime = runtime::current_thread()?;
    let mut replay = Replay {
        host: &host,
        timeout: args.timeout,
        out,
        styles: Styles::for_stream(&io::stdout()),
        tally: Tally::default(),
    };
    for line in lines {
        let (number, line) = line?;
        runtime.block_on(replay.line(number, &line))?;
    }
    let tally = replay.tally;
    tally.write(out)?;
    Ok(match tally {
        Tally { different: 1.., .. } => Exit::Negative,
        Tally { failed: 1.., .. } => Exit::Usage,
        _ => Exit::Success,
    })
}

impl Replay<'_> {
    async fn line(&mut self, number: usize, line: &str) -> io::Result<()> {
        let Ok(line) = serde_json::from_str::<Line>(line) else {
            return self.write_failure(number, "not a decision");
        };
        if line.record.plane == Origin::Chain(Plane::Authentication) {
            self.tally.skipped += 1;
            return Ok(());
        }
        match evaluate(self.host, &line, self.timeout).await {
            // The messages of the policies may differ: they have no effect on clients.
            Ok(now)
                if line.record.verdict == now.verdict
                    && line.record.patch_digest == now.patch_digest =>
            {
                self.tally.same += 1;
                Ok(())
            }
            Ok(now) => self.write_difference(&line, &describe(&now), now.verdict.is_refusal()),
            // The server would respond with this error.
            Err(error @ (EvaluateError::NoSuchPolicy(_) | EvaluateError::NotKubewarden(_))) => {
                self.write_difference(&line, &error.to_string(), true)
            }
            Err(error) => self.write_failure(number, &host::error_chain(&error)),
        }
    }

    fn write_failure(&mut self, number: usize, reason: &str) -> io::Result<()> {
        self.tally.failed += 1;
        let warning = self.styles.warning;
        writeln!(
            self.out,
            "{warning}failed:{warning:#} line {number}: {reason}"
        )
    }

    fn write_difference(&mut self, line: &Line, now: &str, is_refusal: bool) -> io::Result<()> {
        self.tally.different += 1;
        let record = &line.record;
        // A decision log is untrusted: it may contain escape sequences for the terminal.
        let safe = |text: &str| text::line(text, usize::MAX);
        let (time, plane) = (record.time, record.plane);
        let action = safe(&explain::describe_action(&record.subject));
        let user = safe(&record.subject.user);
        let redacted = if line.redacted { " (redacted)" } else { "" };
        let style = if is_refusal {
            self.styles.error
        } else {
            self.styles.warning
        };
        writeln!(self.out, "{time:.6} {plane}: {action} by {user}{redacted}")?;
        writeln!(self.out, "  was {}", safe(&describe(record)))?;
        writeln!(self.out, "  now {}", styled(&safe(now), style))
    }
}

/// Evaluates the review of a line, and returns the record of the decision.
async fn evaluate(host: &Host, line: &Line, timeout: Duration) -> Result<Record, EvaluateError> {
    let review = line.review.to_string();
    let arrival = Instant::now();
    let deadline = runtime::deadline(timeout);
    let policy = line.record.policy.as_deref();
    let origin = line.record.plane;
    let evaluation = match origin.plane() {
        None => {
            let policy = policy.unwrap_or_default();
            host.evaluate_raw(policy, review.as_bytes(), deadline)
                .await?
        }
        Some(plane) => {
            let request = EvaluationRequest {
                plane,
                policy,
                review: review.as_bytes(),
                already_evaluated: &[],
                deadline,
            };
            host.evaluate(request).await?
        }
    };
    Ok(Record::new(
        &DecisionEvent {
            origin,
            policy,
            review: review.as_bytes(),
            evaluation: &evaluation,
            status: None,
            arrival,
            parent: None,
        },
        arrival.elapsed(),
    ))
}

/// Returns the verdict with the digest of the patch and the message.
fn describe(record: &Record) -> String {
    let mut text = record.verdict.to_string();
    if let Some(digest) = &record.patch_digest {
        text.push_str(&format!(" (patch {digest})"));
    }
    if !record.message.is_empty() {
        text.push_str(": ");
        text.push_str(&record.message);
    }
    text
}

impl Tally {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self {
            same,
            different,
            skipped,
            failed,
        } = self;
        write!(out, "{different} different, {same} same")?;
        if *skipped > 0 {
            write!(out, ", {skipped} skipped (decisions on tokens)")?;
        }
        if *failed > 0 {
            write!(out, ", {failed} failed")?;
        }
        writeln!(out)
    }
}
