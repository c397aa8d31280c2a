//! The decision log: one line of JSON for each decision, with the review, so that it can be
//! replayed.
//!
//! A separate thread writes the lines. Decisions never wait for it: when it cannot keep up, or the
//! disk is full, lines are dropped and counted.

mod sink;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TryRecvError, TrySendError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub use access::redact::{InvalidPointer, Redaction};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::record::Record;
use crate::sampler::Sampler;
use sink::Sink;

/// Time after which a flush fails.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Time between attempts to enqueue a flush while the queue is full.
const FLUSH_RETRY_DELAY: Duration = Duration::from_millis(10);

/// Maximum number of queued lines.
const MAX_PENDING_LINES: usize = 4_096;

/// Maximum size of queued lines, in bytes. A review can have some megabytes.
const MAX_PENDING_BYTES: usize = 64 << 20;

/// Options of a decision log.
#[derive(Debug, Clone)]
pub struct Options {
    /// The output.
    pub target: Target,
    /// The share of unremarkable decisions to write, from 0 to 1. Decisions in which a policy
    /// denied, rejected or failed are always written.
    pub sample_rate: f64,
    /// The fields of reviews to redact.
    pub redaction: Redaction,
}

/// The output of a decision log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// A file, to which lines are appended. A new file is readable for its owner only. After the
    /// file was renamed, as `logrotate` does, a new one is created.
    File(PathBuf),
}

/// A line of a decision log, for readers.
#[derive(Debug, Clone, Deserialize)]
pub struct Line {
    /// The decision.
    #[serde(flatten)]
    pub record: Record,
    /// The review that was evaluated.
    pub review: Value,
    /// True if a part of the review was redacted.
    #[serde(default)]
    pub redacted: bool,
}

/// A line of a decision log, for the writer.
#[derive(Serialize)]
struct LineRef<'a> {
    #[serde(flatten)]
    record: &'a Record,
    review: Value,
    redacted: bool,
}

/// An open decision log. Queued lines are written when it is dropped.
///
/// ```
/// use observe::DecisionLog;
/// use observe::decision_log::{Options, Redaction, Target};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("decisions.jsonl");
/// let log = DecisionLog::open(Options {
///     target: Target::File(path),
///     sample_rate: 0.01,
///     redaction: Redaction::new(["/request/object/spec/containers/*/env"])?,
/// })?;
/// assert_eq!(log.dropped_lines(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DecisionLog {
    sender: Option<SyncSender<Message>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    sampler: Sampler,
}

#[derive(Debug, Default)]
struct Shared {
    /// The size of queued lines, in bytes.
    pending: AtomicUsize,
    dropped: AtomicU64,
}

/// A message to the writer thread.
enum Message {
    Write(Entry),
    /// A request for a reply once all earlier messages are processed: true if everything was
    /// written.
    Flush(SyncSender<bool>),
}

struct Entry {
    record: Arc<Record>,
    review: Box<[u8]>,
}

impl Entry {
    fn size(&self) -> usize {
        self.record.size().saturating_add(self.review.len())
    }
}

impl DecisionLog {
    /// Opens the target and starts the writer thread.
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened or the thread cannot be started.
    pub fn open(options: Options) -> io::Result<Self> {
        let sink = match options.target {
            Target::Stdout => Sink::stdout(),
            Target::File(path) => Sink::file(path)?,
        };
        let shared = Arc::new(Shared::default());
        let (sender, receiver) = mpsc::sync_channel(MAX_PENDING_LINES);
        let mut writer = Writer {
            sink,
            redaction: options.redaction,
            unflushed: 0,
            is_failing: false,
            shared: Arc::clone(&shared),
        };
        let thread = thread::Builder::new()
            .name("decision-log".to_owned())
            .spawn(move || writer.run(&receiver))?;
        Ok(Self {
            sender: Some(sender),
            thread: Some(thread),
            shared,
            sampler: Sampler::new(options.sample_rate),
        })
    }

    /// Queues the line of a decision, unless it is not sampled. Drops it if the queue is full.
    pub(crate) fn write(&self, record: &Arc<Record>, review: &[u8]) {
        if record.is_unremarkable() && !self.sampler.sample() {
            return;
        }
        let entry = Entry {
            record: Arc::clone(record),
            review: review.into(),
        };
        let size = entry.size();
        let pending = self.shared.pending.fetch_add(size, Ordering::Relaxed);
        let is_queued = pending.saturating_add(size) <= MAX_PENDING_BYTES
            && self
                .sender
                .as_ref()
                .is_some_and(|sender| sender.try_send(Message::Write(entry)).is_ok());
        if !is_queued {
            self.shared.pending.fetch_sub(size, Ordering::Relaxed);
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all queued lines are written, at most [`FLUSH_TIMEOUT`]. Returns true if they
    /// are.
    pub(crate) fn flush(&self) -> bool {
        let Some(sender) = &self.sender else {
            return false;
        };
        let deadline = Instant::now().checked_add(FLUSH_TIMEOUT);
        let remaining =
            || deadline.map_or(Duration::ZERO, |end| end.duration_since(Instant::now()));
        let (reply, written) = mpsc::sync_channel(1);
        let mut message = Message::Flush(reply);
        // `send` would block for as long as the disk does.
        while let Err(TrySendError::Full(unsent)) = sender.try_send(message) {
            if remaining().is_zero() {
                return false;
            }
            message = unsent;
            thread::sleep(FLUSH_RETRY_DELAY);
        }
        written.recv_timeout(remaining()).unwrap_or(false)
    }

    /// Returns the number of dropped lines.
    #[must_use]
    pub fn dropped_lines(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for DecisionLog {
    fn drop(&mut self) {
        let is_flushed = self.flush();
        // Ends the thread after the last message.
        self.sender = None;
        match self.thread.take() {
            // A thread that panicked has nothing left to write.
            Some(thread) if is_flushed => drop(thread.join()),
            _ => tracing::warn!("decision log was not fully flushed on shutdown"),
        }
    }
}

/// The state of the writer thread. Counts the lines that do not reach the sink.
struct Writer {
    sink: Sink,
    redaction: Redaction,
    /// The number of lines since the last successful flush. A failed flush loses all of them.
    unflushed: u64,
    is_failing: bool,
    shared: Arc<Shared>,
}

impl Writer {
    /// Processes messages until the sender is dropped. Flushes whenever the queue is empty.
    fn run(&mut self, receiver: &Receiver<Message>) {
        loop {
            let message = match receiver.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Disconnected) => {
                    self.flush();
                    return;
                }
                Err(TryRecvError::Empty) => {
                    self.flush();
                    match receiver.recv() {
                        Ok(message) => message,
                        Err(_) => return,
                    }
                }
            };
            match message {
                Message::Write(entry) => {
                    self.write(&entry);
                    let size = entry.size();
                    self.shared.pending.fetch_sub(size, Ordering::Relaxed);
                }
                // The receiver may have timed out.
                Message::Flush(reply) => drop(reply.send(self.flush())),
            }
        }
    }

    fn write(&mut self, entry: &Entry) {
        self.unflushed = self.unflushed.saturating_add(1);
        let (review, redacted) = self.redaction.apply(&entry.review);
        let line = LineRef {
            record: &entry.record,
            review,
            redacted,
        };
        let written = serde_json::to_vec(&line).map_err(io::Error::from);
        if let Err(error) = written.and_then(|line| self.sink.write_line(line)) {
            self.drop_unflushed(&error);
        }
    }

    /// Returns true if all lines are written.
    fn flush(&mut self) -> bool {
        match self.sink.flush() {
            Ok(()) => {
                self.unflushed = 0;
                self.is_failing = false;
                true
            }
            Err(error) => {
                self.drop_unflushed(&error);
                false
            }
        }
    }

    fn drop_unflushed(&mut self, error: &io::Error) {
        let dropped = &self.shared.dropped;
        dropped.fetch_add(self.unflushed, Ordering::Relaxed);
        self.unflushed = 0;
        // Logged once, not for each line.
        if !self.is_failing {
            tracing::error!(%error, "failed to write the decision log; dropping lines");
        }
        self.is_failing = true;
        self.sink.reset();
    }
}

#[cfg(test)]
mod tests;
