//! `k8s-wasm top`: live statistics of a server.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IsTerminal, Write};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use observe::Record;

use crate::outcome::{CommandError, Exit, Outcome};
use crate::records::{AdminClient, Decisions};
use crate::terminal::{Table, format_duration};

/// Interval between two queries.
const PERIOD: Duration = Duration::from_secs(1);

/// Moves the cursor to the upper left corner and clears the screen (ECMA-48 CUP and ED).
const CLEAR_SCREEN: &str = "\u{1b}[H\u{1b}[J";

/// Show live statistics of a server
///
/// Shows the number of calls, the latency and the verdicts of each policy during the last seconds.
/// Under high load the statistics are computed from a sample.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  # Show the statistics of a server in a pod
  kubectl port-forward -n k8s-wasm deployment/webhook 8081 &
  k8s-wasm top")]
pub(crate) struct Args {
    /// Admin address of the server (its `--admin-listen`)
    #[arg(long, value_name = "ADDRESS", default_value_t = server::DEFAULT_ADMIN_LISTEN.to_string())]
    admin_address: String,

    /// Time window, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    window: u64,

    /// Print the statistics once and exit
    #[arg(long)]
    once: bool,
}

/// The decisions of the time window.
#[derive(Debug, Default)]
struct Window {
    /// In the order of their arrival, with the time of each decision.
    records: VecDeque<Record>,
    /// The sequence number of the newest decision at the time of each query.
    counts: VecDeque<(Instant, u64)>,
}

/// The statistics of a policy on one plane.
#[derive(Debug, Default)]
struct Row {
    verdicts: BTreeMap<&'static str, usize>,
    durations: Vec<Duration>,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    let client = AdminClient::new(&args.admin_address)?;
    let mut window = Window::default();
    let span = Duration::from_secs(args.window);
    let is_terminal = io::stdout().is_terminal();
    loop {
        let mut decisions = client.decisions_after(window.newest())?;
        if decisions.newest < window.newest() {
            // The server has restarted, and with it the sequence numbers.
            window = Window::default();
            decisions = client.decisions_after(0)?;
        }
        window.add(decisions, span);
        if is_terminal && !args.once {
            write!(out, "{CLEAR_SCREEN}")?;
        }
        window.write(out, args)?;
        out.flush()?;
        if args.once {
            return Ok(Exit::Success);
        }
        thread::sleep(PERIOD);
    }
}

impl Window {
    fn newest(&self) -> u64 {
        self.counts.back().map_or(0, |(_, count)| *count)
    }

    fn add(&mut self, decisions: Decisions, span: Duration) {
        let now = Instant::now();
        self.counts.push_back((now, decisions.newest));
        let is_old = |queried: &Instant| now.duration_since(*queried) > span;
        while self.counts.len() > 2 && self.counts.get(1).is_some_and(|(time, _)| is_old(time)) {
            self.counts.pop_front();
        }
        self.records.extend(decisions.decisions);
        let start = Timestamp::now() - span;
        self.records.retain(|record| record.time >= start);
    }

    /// Returns the decisions per second, computed from sequence numbers, or none after a single
    /// query.
    fn rate(&self) -> Option<f64> {
        let ((first, before), (last, after)) = (self.counts.front()?, self.counts.back()?);
        let seconds = last.duration_since(*first).as_secs_f64();
        (seconds > 0.0).then(|| after.saturating_sub(*before) as f64 / seconds)
    }

    fn write(&self, out: &mut dyn Write, args: &Args) -> Result<(), CommandError> {
        let Args {
            admin_address,
            window,
            ..
        } = args;
        let decisions = self.records.len();
        write!(
            out,
            "{admin_address}: {decisions} decisions in the last {window} s"
        )?;
        if let Some(rate) = self.rate() {
            write!(out, ", {rate:.0} per second")?;
        }
        writeln!(out, "\n")?;
        let mut table = Table::with_header(&["plane", "policy", "calls", "p50", "p99", "verdicts"]);
        for ((plane, policy), row) in self.rows() {
            table.row(row.into_cells(plane, policy));
        }
        table.write(out, "")?;
        Ok(())
    }

    fn rows(&self) -> BTreeMap<(&str, &str), Row> {
        let mut rows = BTreeMap::<_, Row>::new();
        for record in &self.records {
            for step in &record.steps {
                let row = rows
                    .entry((record.plane.as_str(), step.policy.as_str()))
                    .or_default();
                if let (Some(verdict), Some(elapsed)) = (step.verdict(), step.duration()) {
                    *row.verdicts.entry(verdict.as_str()).or_default() += 1;
                    row.durations.push(elapsed);
                }
            }
        }
        rows
    }
}

impl Row {
    fn into_cells(mut self, plane: &str, policy: &str) -> [String; 6] {
        self.durations.sort_unstable();
        let percentile = |percent: usize| {
            let index = self.durations.len().saturating_sub(1) * percent / 100;
            let duration = self.durations.get(index);
            duration.copied().map(format_duration).unwrap_or_default()
        };
        let verdicts: Vec<String> = self
            .verdicts
            .iter()
            .map(|(verdict, count)| format!("{verdict} {count}"))
            .collect();
        [
            plane.to_owned(),
            policy.to_owned(),
            self.durations.len().to_string(),
            percentile(50),
            percentile(99),
            verdicts.join(", "),
        ]
    }
}
