//! Background work that takes minutes, with one line of progress while the caller waits.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

/// Maximum length of the status text, in characters; it shares a terminal line with title and time.
const MAX_TEXT: usize = 40;

/// The current activity of background work.
#[derive(Clone, Default)]
pub struct Status(Arc<Mutex<String>>);

impl Status {
    /// Replaces the text.
    pub fn set(&self, text: &str) {
        text.trim().clone_into(
            &mut self
                .0
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner()),
        );
    }

    fn text(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .chars()
            .take(MAX_TEXT)
            .collect()
    }
}

/// Work that runs in a thread.
pub struct Pending<T> {
    title: String,
    status: Status,
    started: Instant,
    outcome: mpsc::Receiver<Result<T>>,
}

impl<T: Send + 'static> Pending<T> {
    /// Starts `work`, which reports its activity through the status.
    pub fn start(title: &str, work: impl FnOnce(&Status) -> Result<T> + Send + 'static) -> Self {
        let (sender, outcome) = mpsc::channel();
        let status = Status::default();
        let pending = Self {
            title: title.to_owned(),
            status: status.clone(),
            started: Instant::now(),
            outcome,
        };
        thread::spawn(move || {
            // Fails if the caller has dropped the receiver, and then the outcome does not matter.
            let _ = sender.send(work(&status));
        });
        pending
    }

    /// Waits for the outcome and shows progress meanwhile.
    pub fn wait(self) -> Result<T> {
        let terminal = io::stderr().is_terminal();
        let interval = if terminal {
            Duration::from_millis(500)
        } else {
            Duration::from_secs(30)
        };
        loop {
            let outcome = self.outcome.recv_timeout(interval);
            if terminal {
                eprint!("\r\x1b[K");
            }
            match outcome {
                Ok(outcome) => return outcome,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(anyhow!("{} panicked", self.title));
                }
                Err(RecvTimeoutError::Timeout) => {
                    eprint!(
                        "{}: {}: {}",
                        self.title,
                        elapsed(self.started),
                        self.status.text()
                    );
                    if !terminal {
                        eprintln!();
                    }
                    io::stderr().flush()?;
                }
            }
        }
    }
}

/// Formats the time since `start`, such as `3m07s`.
pub fn elapsed(start: Instant) -> String {
    let seconds = start.elapsed().as_secs();
    if seconds < 60 {
        format!("{seconds}s")
    } else {
        format!("{}m{:02}s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_the_outcome_or_the_error() {
        assert_eq!(Pending::start("adding", |_| Ok(1 + 1)).wait().unwrap(), 2);
        let failed = Pending::<()>::start("failing", |_| Err(anyhow!("no disk"))).wait();
        assert_eq!(failed.unwrap_err().to_string(), "no disk");
    }

    #[test]
    fn reports_work_that_panicked() {
        let error = Pending::<()>::start("the build", |_| panic!("deliberate"))
            .wait()
            .unwrap_err();
        assert_eq!(error.to_string(), "the build panicked");
    }
}
