//! `k8s-wasm top`: what a server decides, live.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IsTerminal, Write};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use observe::Record;

use crate::admin::{self, Decisions};
use crate::exit::Exit;
use crate::report::{Failed, Outcome};
use crate::table::Table;
use crate::trace;

/// Show live what a server decides: how often each policy is asked, what it answers, how long it takes
///
/// Figures are of the decisions of the last seconds; of more than a server keeps between two looks, of a sample.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The server's `--admin-listen`
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    admin: String,

    /// Of how many seconds figures are shown
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    window: u64,

    /// Show what is there once, and end
    #[arg(long)]
    once: bool,
}

/// How often the server is looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// What was seen, and when.
#[derive(Debug, Default)]
struct Window {
    /// By the time of each decision.
    seen: VecDeque<(SystemTime, Record)>,
    /// The number of the newest decision at each look.
    counts: VecDeque<(Instant, u64)>,
}

/// What is shown of one policy on one plane.
#[derive(Debug, Default)]
struct Row {
    answers: BTreeMap<String, usize>,
    micros: Vec<u128>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    let mut window = Window::default();
    let span = Duration::from_secs(args.window);
    let is_live = io::stdout().is_terminal();
    loop {
        let mut decisions = admin::fetch(&args.admin, window.newest())?;
        if decisions.newest < window.newest() {
            // Another process answers, which began to count anew.
            window = Window::default();
            decisions = admin::fetch(&args.admin, 0)?;
        }
        window.look(decisions, span);
        if is_live && !args.once {
            // To the upper left corner, and clear what is below (ECMA-48 CUP and ED).
            write!(out, "\u{1b}[H\u{1b}[J")?;
        }
        window.write(out, args)?;
        out.flush()?;
        if args.once {
            return Ok(Exit::Yes);
        }
        thread::sleep(PERIOD);
    }
}

impl Window {
    fn newest(&self) -> u64 {
        self.counts.back().map_or(0, |(_, count)| *count)
    }

    fn look(&mut self, decisions: Decisions, span: Duration) {
        let now = Instant::now();
        self.counts.push_back((now, decisions.newest));
        let is_old = |seen: &Instant| now.duration_since(*seen) > span;
        while self.counts.len() > 2 && self.counts.get(1).is_some_and(|(seen, _)| is_old(seen)) {
            self.counts.pop_front();
        }
        let begin = SystemTime::now().checked_sub(span);
        let decisions = decisions.decisions.into_iter();
        let timed = decisions.filter_map(|record| {
            let time = humantime::parse_rfc3339(&record.time).ok()?;
            Some((time, record))
        });
        self.seen.extend(timed);
        self.seen.retain(|(time, _)| Some(*time) >= begin);
    }

    /// Decisions per second, counted by their numbers; none before the second look.
    fn rate(&self) -> Option<f64> {
        let ((first, before), (last, after)) = (self.counts.front()?, self.counts.back()?);
        let seconds = last.duration_since(*first).as_secs_f64();
        (seconds > 0.0).then(|| after.saturating_sub(*before) as f64 / seconds)
    }

    fn write(&self, out: &mut dyn Write, args: &Args) -> Result<(), Failed> {
        let rate = self.rate().map_or(String::new(), |rate| {
            format!(", {rate:.0} decisions a second")
        });
        let shown = self.seen.len();
        writeln!(out, "{}{rate}; {shown} decisions shown", args.admin)?;
        writeln!(out)?;
        let mut table = Table::with_header(&["plane", "policy", "asked", "p50", "p99", "answers"]);
        for ((plane, policy), row) in self.rows() {
            table.row(row.cells(plane, policy));
        }
        table.write(out, "")?;
        Ok(())
    }

    fn rows(&self) -> BTreeMap<(&str, &str), Row> {
        let mut rows = BTreeMap::<_, Row>::new();
        for (_, record) in &self.seen {
            for step in &record.steps {
                let row = rows
                    .entry((record.plane.as_str(), step.policy.as_str()))
                    .or_default();
                if let (Some(answer), Some(elapsed)) = (step.verdict(), step.duration()) {
                    *row.answers.entry(answer.as_str().to_owned()).or_default() += 1;
                    row.micros.push(elapsed.as_micros());
                }
            }
        }
        rows
    }
}

impl Row {
    fn cells(mut self, plane: &str, policy: &str) -> [String; 6] {
        self.micros.sort_unstable();
        let percentile = |percent: usize| {
            let index = self.micros.len().saturating_sub(1) * percent / 100;
            let micros = self.micros.get(index).copied();
            micros.map_or(String::new(), |micros| {
                trace::told(Duration::from_micros(
                    u64::try_from(micros).unwrap_or(u64::MAX),
                ))
            })
        };
        let answers = self.answers.iter();
        let answers: Vec<String> = answers
            .map(|(answer, count)| format!("{answer} {count}"))
            .collect();
        [
            plane.to_owned(),
            policy.to_owned(),
            self.micros.len().to_string(),
            percentile(50),
            percentile(99),
            answers.join(", "),
        ]
    }
}
