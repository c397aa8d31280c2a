//! `k8s-wasm replay`: what another configuration would have decided.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use access::Plane;
use anyhow::Context;
use host::{Host, Question, Verdict};
use observe::{Decided, Record, decision_log::Line};

use crate::admin;
use crate::configuration::{ConfigurationArgs, EngineArgs};
use crate::exit::Exit;
use crate::logging;
use crate::paint::Paint;
use crate::report::{OrFailed, Outcome};

/// Ask policies again what a decision log says was asked, and tell which decisions would differ
///
/// The exit code is 0 when all decisions are the same, and 1 when some differ. Tokens are never in a decision log, so decisions
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
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = host::config::units::parse_duration)]
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
    let text = admin::read(&args.log)?;
    let configuration = args.configuration.load()?;
    let host = args.engine.load(&configuration)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")
        .environment()?;
    let paint = Paint::of(&io::stdout());
    let mut tally = Tally::default();
    for (number, line) in admin::lines(&text) {
        let Ok(line) = serde_json::from_str::<Line>(line) else {
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
                write_difference(out, paint, &line, &now)?;
            }
            Err(error) => {
                tally.unusable += 1;
                let why = host::with_causes(&*error);
                writeln!(out, "{} line {number}: {why}", paint.yellow("skipped:"))?;
            }
        }
    }
    tally.write(out)?;
    Ok(if tally.different == 0 {
        Exit::Yes
    } else {
        Exit::No
    })
}

/// What the policies decide now.
async fn ask(
    host: &Host,
    line: &Line,
    timeout: Duration,
) -> Result<Record, Box<dyn std::error::Error + Send + Sync>> {
    let review = line.review.to_string();
    let arrival = Instant::now();
    let deadline = arrival.checked_add(timeout).unwrap_or(arrival);
    let policy = line.record.policy.as_deref();
    let plane = plane(&line.record.plane);
    let answered = match (plane, policy) {
        (None, Some(policy)) => host.ask_raw(policy, review.as_bytes(), deadline).await?,
        (None, None) => return Err(format!("`{}` is no plane", line.record.plane).into()),
        (Some(plane), policy) => {
            let question = Question {
                plane,
                policy,
                review: review.as_bytes(),
                asked_before: &[],
                deadline,
            };
            host.ask(question).await?
        }
    };
    Ok(Record::of(
        &Decided {
            plane,
            policy,
            review: review.as_bytes(),
            answered: &answered,
            status: None,
            arrival,
        },
        arrival.elapsed(),
    ))
}

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

fn write_difference(
    out: &mut dyn Write,
    paint: Paint,
    line: &Line,
    now: &Record,
) -> io::Result<()> {
    let then = &line.record;
    let subject = &now.subject;
    let redacted = if line.redacted {
        ", from a review that is not complete"
    } else {
        ""
    };
    writeln!(
        out,
        "{} {} of {}: {} {} {} {}{redacted}",
        then.time,
        then.plane,
        subject.user,
        subject.verb,
        subject.resource,
        subject.namespace,
        subject.name
    )?;
    writeln!(out, "  was {}", told(then))?;
    let told = told(now);
    let told = match now.verdict {
        Verdict::Denied | Verdict::Rejected | Verdict::Failed => paint.red(&told),
        _ => paint.yellow(&told),
    };
    writeln!(out, "  now {told}")
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
