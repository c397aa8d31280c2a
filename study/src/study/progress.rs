//! Progress of the run, on one line of standard error.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// The interval of lines without a terminal.
const INTERVAL: Duration = Duration::from_secs(20);

/// A counter of the steps of the current part.
pub struct Progress {
    begin: Instant,
    part: Instant,
    shown: Option<Instant>,
    steps: usize,
    done: usize,
}

impl Progress {
    /// Starts the clock of the run.
    pub fn start() -> Self {
        Self {
            begin: Instant::now(),
            part: Instant::now(),
            shown: None,
            steps: 0,
            done: 0,
        }
    }

    /// Begins a part with a number of steps.
    pub fn expect(&mut self, steps: usize) {
        (self.part, self.steps, self.done) = (Instant::now(), steps, 0);
    }

    /// Begins a step.
    pub fn step(&mut self, name: &str) {
        let terminal = std::io::stderr().is_terminal();
        if terminal || self.shown.is_none_or(|shown| shown.elapsed() > INTERVAL) {
            self.shown = Some(Instant::now());
            let line = format!("{}/{} {name}{}", self.done, self.steps, self.left());
            if terminal {
                eprint!("\r\x1b[2K{line}");
            } else {
                eprintln!("{line}");
            }
            let _ = std::io::stderr().flush();
        }
        self.done += 1;
    }

    /// Ends the run.
    pub fn end(&self) {
        eprintln!("\ndone after {} s", self.elapsed().as_secs());
    }

    /// Returns the time since the beginning of the run.
    pub fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    /// Estimates the remaining time; empty during the first steps.
    fn left(&self) -> String {
        if self.done < 10 {
            return String::new();
        }
        let each = self.part.elapsed().as_secs_f64() / self.done as f64;
        let seconds = each * (self.steps - self.done) as f64;
        format!(" (this part: {:.0} min left)", (seconds / 60.0).ceil())
    }
}
