//! `k8s-wasm replay`: what another configuration would have decided.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use access::{Plane, text};
use anyhow::Context;
use host::{EvaluateError, EvaluationRequest, Host, Verdict};
use observe::{DecisionEvent, Record, decision_log::Line};

use crate::admin::Lines;
use crate::configuration::{ConfigurationArgs, EngineArgs};
use crate::exit::Exit;
use crate::explain;
use crate::logging;
use crate::paint::Paint;
use crate::report::{OrFailed, Outcome};

/// Ask policies again what a decision log says was asked, and tell which decisions would differ
///
/// The exit code is 0 when all decisions are the same, 1 when some differ, and 2 when some could not be asked again. Tokens are never in a decision log, so decisions
/// on tokens are left out. A review of which something was taken out (the data of Secrets, `--decision-log-redact`) is asked
/// about as it is in the log; differences in such are marked.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Example, before a new configuration goes into production:
  k8s-wasm replay /var/log/k8s-wasm/decisions.jsonl --config new.yaml")]
pub(crate) struct Args {
    /// The decision log, as `serve --decision-log` writes it; `-` reads standard input
    #[arg(value_name = "LOG|-")]
    log: PathBuf,

    /// How long each decision may take
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = host::config::parse_duration)]
    timeout: Duration,

    #[command(flatten)]
    configuration: ConfigurationArgs,

    #[command(flatten)]
    engine: EngineArgs,
}

/// What came of it.
#[derive(Debug, Default)]
struct Tally {
    same: usize,
    different: usize,
    tokens: usize,
    /// Reviews that cannot be asked now, or lines that are damaged.
    unusable: usize,
}

/// Runs the command.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    logging::init_quietly();
    let lines = Lines::open(&args.log)?;
    let configuration = args.configuration.load()?;
    let host = args.engine.load(&configuration)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")
        .environment()?;
    let paint = Paint::of(&io::stdout());
    let mut tally = Tally::default();
    for line in lines {
        let (number, line) = line?;
        let Ok(line) = serde_json::from_str::<Line>(&line) else {
            writeln!(
                out,
                "{} line {number} is no decision",
                paint.yellow("skipped:")
            )?;
            tally.unusable += 1;
            continue;
        };
        if line.record.plane == Plane::Authentication.as_str() {
            tally.tokens += 1;
            continue;
        }
        match runtime.block_on(ask(&host, &line, args.timeout)) {
            Ok(now) if is_same(&line.record, &now) => tally.same += 1,
            Ok(now) => {
                tally.different += 1;
                write_difference(out, paint, &line, &told(&now), is_refused(now.verdict))?;
            }
            // The API server would be told so, too.
            Err(error @ (EvaluateError::NoSuchPolicy(_) | EvaluateError::NotKubewarden(_))) => {
                tally.different += 1;
                write_difference(out, paint, &line, &error.to_string(), true)?;
            }
            Err(error) => {
                tally.unusable += 1;
                let why = host::with_causes(&error);
                writeln!(out, "{} line {number}: {why}", paint.yellow("skipped:"))?;
            }
        }
    }
    tally.write(out)?;
    Ok(match tally {
        Tally { different: 1.., .. } => Exit::No,
        Tally { unusable: 1.., .. } => Exit::Usage,
        _ => Exit::Yes,
    })
}

/// What the policies decide now.
async fn ask(host: &Host, line: &Line, timeout: Duration) -> Result<Record, EvaluateError> {
    let review = line.review.to_string();
    let arrival = Instant::now();
    let deadline = arrival.checked_add(timeout).unwrap_or(arrival);
    let policy = line.record.policy.as_deref();
    let plane = plane(&line.record.plane);
    let answered = match plane {
        None => {
            let policy = policy.unwrap_or_default();
            host.evaluate_raw(policy, review.as_bytes(), deadline)
                .await?
        }
        Some(plane) => {
            let question = EvaluationRequest {
                plane,
                policy,
                review: review.as_bytes(),
                already_evaluated: &[],
                deadline,
            };
            host.evaluate(question).await?
        }
    };
    Ok(Record::of(
        &DecisionEvent {
            plane,
            policy,
            review: review.as_bytes(),
            answered: &answered,
            status: None,
            arrival,
            parent: None,
        },
        arrival.elapsed(),
    ))
}

/// The plane of that name; a raw review is of none.
fn plane(name: &str) -> Option<Plane> {
    let planes = [
        Plane::Authentication,
        Plane::Authorization,
        Plane::Mutation,
        Plane::Validation,
    ];
    planes.into_iter().find(|plane| plane.as_str() == name)
}

/// Whether clients would have noticed nothing but other words.
fn is_same(then: &Record, now: &Record) -> bool {
    then.verdict == now.verdict && then.change == now.change
}

fn is_refused(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Denied | Verdict::Rejected | Verdict::Failed
    )
}

fn write_difference(
    out: &mut dyn Write,
    paint: Paint,
    line: &Line,
    now: &str,
    is_refused: bool,
) -> io::Result<()> {
    let then = &line.record;
    // A file can say anything.
    let fit = |text: &str| text::line(text, usize::MAX);
    let redacted = if line.redacted {
        ", from a review that is not complete"
    } else {
        ""
    };
    let (time, plane) = (fit(&then.time), fit(&then.plane));
    let what = fit(&explain::what(&then.subject));
    let user = fit(&then.subject.user);
    writeln!(out, "{time} {plane}: {user} wants to {what}{redacted}")?;
    writeln!(out, "  was {}", fit(&told(then)))?;
    let now = fit(now);
    let now = if is_refused {
        paint.red(&now)
    } else {
        paint.yellow(&now)
    };
    writeln!(out, "  now {now}")
}

fn told(record: &Record) -> String {
    let mut told = record.verdict.to_string();
    if let Some(change) = &record.change {
        told.push_str(&format!(" (patch {change})"));
    }
    if !record.message.is_empty() {
        told.push_str(": ");
        told.push_str(&record.message);
    }
    told
}

impl Tally {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self {
            same,
            different,
            tokens,
            unusable,
        } = self;
        writeln!(out, "{different} would differ, {same} would not")?;
        if *tokens > 0 {
            writeln!(
                out,
                "{tokens} on tokens were left out: tokens are not in the log"
            )?;
        }
        if *unusable > 0 {
            writeln!(out, "{unusable} could not be asked")?;
        }
        Ok(())
    }
}
