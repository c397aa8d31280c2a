//! What is going on and how long it will take, on one line of standard error.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Between lines when nobody watches a terminal.
const PACE: Duration = Duration::from_secs(20);

/// Counts the steps of the part that runs.
pub struct Progress {
    begin: Instant,
    part: Instant,
    shown: Option<Instant>,
    steps: usize,
    done: usize,
}

impl Progress {
    /// The clock of the whole run begins.
    pub fn start() -> Self {
        Self {
            begin: Instant::now(),
            part: Instant::now(),
            shown: None,
            steps: 0,
            done: 0,
        }
    }

    /// A part of so many steps begins.
    pub fn expect(&mut self, steps: usize) {
        (self.part, self.steps, self.done) = (Instant::now(), steps, 0);
    }

    /// A step begins.
    pub fn step(&mut self, name: &str) {
        let terminal = std::io::stderr().is_terminal();
        if terminal || self.shown.is_none_or(|shown| shown.elapsed() > PACE) {
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

    /// The run is over.
    pub fn end(&self) {
        eprintln!("\ndone after {} s", self.elapsed().as_secs());
    }

    /// Since the beginning of the run.
    pub fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    /// Nothing can be said before the first steps.
    fn left(&self) -> String {
        if self.done < 10 {
            return String::new();
        }
        let each = self.part.elapsed().as_secs_f64() / self.done as f64;
        let seconds = each * (self.steps - self.done) as f64;
        format!(" (this part: {:.0} min left)", (seconds / 60.0).ceil())
    }
}
