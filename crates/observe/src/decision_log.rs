//! The decision log: a line of JSON for each decision, with the review that was decided on, so that it can be replayed.
//!
//! A thread of its own writes. Decisions never wait for it: when it cannot keep up, or the disk is full, lines are lost and counted.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TryRecvError, TrySendError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use crate::record::Record;
pub use crate::redaction::{NoPointer, Redaction};
use crate::sampling::Sampling;

/// What is written, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where lines go.
    pub target: Target,
    /// Which share of the decisions is written in which no policy refused anything and nothing went wrong, from 0 to 1. All
    /// others are always written.
    pub sample: f64,
    /// What is taken out of reviews.
    pub redaction: Redaction,
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// The end of a file, which is made when it is not there, for this user alone. When it is moved away, as `logrotate` does, a
    /// new one is made.
    File(PathBuf),
}

/// A line of a decision log as it is read again.
#[derive(Debug, Clone, Deserialize)]
pub struct Line {
    /// The decision.
    #[serde(flatten)]
    pub record: Record,
    /// The review that was decided on.
    pub review: Value,
    /// Whether something was taken out of it.
    #[serde(default)]
    pub redacted: bool,
}

/// A decision log that is being written. What was handed over is written when this is dropped.
#[derive(Debug)]
pub struct DecisionLog {
    sender: Option<SyncSender<Message>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    sampling: Sampling,
}

#[derive(Debug, Default)]
struct Shared {
    /// Bytes that are handed over and not written yet.
    pending: AtomicUsize,
    lost: AtomicU64,
}

/// What the thread is told.
enum Message {
    Write(Entry),
    /// Answer when all that came before was written, and whether it is.
    Flush(SyncSender<bool>),
}

struct Entry {
    record: Box<str>,
    review: Box<[u8]>,
}

impl Entry {
    fn size(&self) -> usize {
        self.record.len().saturating_add(self.review.len())
    }
}

/// A disk that takes longer is broken.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Lines that wait to be written.
const PENDING_LINES: usize = 4_096;
/// The same in bytes: reviews have up to some megabytes.
const PENDING_BYTES: usize = 64 << 20;

impl DecisionLog {
    /// Opens the target and starts the thread that writes.
    ///
    /// # Errors
    /// The file cannot be opened, or there is no thread to be had.
    pub fn open(options: Options) -> io::Result<Self> {
        let sink = Sink::open(&options.target)?;
        let shared = Arc::new(Shared::default());
        let (sender, receiver) = mpsc::sync_channel(PENDING_LINES);
        let ours = Arc::clone(&shared);
        let redaction = options.redaction;
        let thread = thread::Builder::new()
            .name("decision-log".to_owned())
            .spawn(move || write_all(&receiver, sink, &redaction, &ours))?;
        Ok(Self {
            sender: Some(sender),
            thread: Some(thread),
            shared,
            sampling: Sampling::new(options.sample),
        })
    }

    /// Hands a decision over.
    pub(crate) fn write(&self, record: &Record, json: &str, review: &[u8]) {
        if record.is_unremarkable() && !self.sampling.takes() {
            return;
        }
        let entry = Entry {
            record: json.into(),
            review: review.into(),
        };
        let size = entry.size();
        let pending = self.shared.pending.fetch_add(size, Ordering::Relaxed);
        let is_taken = pending.saturating_add(size) <= PENDING_BYTES
            && self
                .sender
                .as_ref()
                .is_some_and(|sender| sender.try_send(Message::Write(entry)).is_ok());
        if !is_taken {
            self.shared.pending.fetch_sub(size, Ordering::Relaxed);
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything that was handed over is written, for a few seconds at most; whether it is.
    pub(crate) fn flush(&self) -> bool {
        let Some(sender) = &self.sender else {
            return false;
        };
        let deadline = Instant::now().checked_add(FLUSH_TIMEOUT);
        let left = || deadline.map_or(Duration::ZERO, |end| end.duration_since(Instant::now()));
        let (written, wait) = mpsc::sync_channel(1);
        let mut message = Message::Flush(written);
        // Sending would wait for as long as a disk hangs.
        while let Err(TrySendError::Full(unsent)) = sender.try_send(message) {
            if left().is_zero() {
                return false;
            }
            message = unsent;
            thread::sleep(Duration::from_millis(10));
        }
        wait.recv_timeout(left()).unwrap_or(false)
    }

    /// How many lines were lost so far.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

impl Drop for DecisionLog {
    fn drop(&mut self) {
        let is_written = self.flush();
        // Without a sender the thread ends after the last line.
        self.sender = None;
        match self.thread.take() {
            // A thread that panicked has nothing more to write.
            Some(thread) if is_written => drop(thread.join()),
            _ => tracing::warn!("the decision log is not written to its end"),
        }
    }
}

/// The body of the thread.
fn write_all(receiver: &Receiver<Message>, sink: Sink, redaction: &Redaction, shared: &Shared) {
    let mut writer = Writer {
        sink,
        unflushed: 0,
        is_broken: false,
        shared,
    };
    loop {
        let message = match receiver.try_recv() {
            Ok(message) => message,
            Err(TryRecvError::Disconnected) => {
                writer.flush();
                return;
            }
            Err(TryRecvError::Empty) => {
                writer.flush();
                match receiver.recv() {
                    Ok(message) => message,
                    Err(_) => return,
                }
            }
        };
        match message {
            Message::Write(entry) => {
                writer.write(&line(&entry, redaction));
                shared.pending.fetch_sub(entry.size(), Ordering::Relaxed);
            }
            // Nobody may wait for the answer any more.
            Message::Flush(written) => drop(written.send(writer.flush())),
        }
    }
}

fn line(entry: &Entry, redaction: &Redaction) -> String {
    let (review, redacted) = redaction.apply(&entry.review);
    let record = entry.record.strip_suffix('}').unwrap_or(&entry.record);
    format!("{record},\"review\":{review},\"redacted\":{redacted}}}\n")
}

/// Writes lines, and counts those that do not reach the end.
struct Writer<'a> {
    sink: Sink,
    /// Lines since the last flush that succeeded: all of them are lost when the next one fails.
    unflushed: u64,
    is_broken: bool,
    shared: &'a Shared,
}

impl Writer<'_> {
    fn write(&mut self, line: &str) {
        self.unflushed = self.unflushed.saturating_add(1);
        if let Err(error) = self.sink.write(line.as_bytes()) {
            self.lose(&error);
        }
    }

    /// Whether everything is written.
    fn flush(&mut self) -> bool {
        match self.sink.flush() {
            Ok(()) => {
                self.unflushed = 0;
                self.is_broken = false;
                true
            }
            Err(error) => {
                self.lose(&error);
                false
            }
        }
    }

    fn lose(&mut self, error: &io::Error) {
        self.shared
            .lost
            .fetch_add(self.unflushed, Ordering::Relaxed);
        self.unflushed = 0;
        // Once, not for each line.
        if !self.is_broken {
            tracing::error!(%error, "the decision log cannot be written; decisions go on without it");
        }
        self.is_broken = true;
        self.sink.start_again();
    }
}

/// Where lines go, open.
enum Sink {
    Stdout(BufWriter<io::Stdout>),
    File(Appended),
}

struct Appended {
    path: PathBuf,
    file: BufWriter<File>,
    looked_at: Instant,
}

/// How often it is looked whether the file was moved away.
const LOOK_PERIOD: Duration = Duration::from_secs(1);

impl Sink {
    fn open(target: &Target) -> io::Result<Self> {
        Ok(match target {
            Target::Stdout => Self::Stdout(BufWriter::new(io::stdout())),
            Target::File(path) => Self::File(Appended::open(path.clone())?),
        })
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.write_all(line),
            Self::File(appended) => {
                appended.reopen_when_moved()?;
                appended.file.write_all(line)
            }
        }
    }

    /// Forgets what could not be written, so that what follows are whole lines again.
    fn start_again(&mut self) {
        if let Self::File(appended) = self {
            appended.start_again();
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(appended) => appended.file.flush(),
        }
    }
}

impl Appended {
    fn open(path: PathBuf) -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::new(append_to(&path)?),
            path,
            looked_at: Instant::now(),
        })
    }

    fn start_again(&mut self) {
        let Ok(file) = append_to(&self.path) else {
            return;
        };
        let broken = std::mem::replace(&mut self.file, BufWriter::new(file));
        // Without the writer trying once more to write what is counted as lost.
        drop(broken.into_parts());
        // Half a line may be in the file. A failure shows again with the next line.
        let _ = self.file.write_all(b"\n");
    }

    fn reopen_when_moved(&mut self) -> io::Result<()> {
        if self.looked_at.elapsed() < LOOK_PERIOD {
            return Ok(());
        }
        self.looked_at = Instant::now();
        let ours = self.file.get_ref().metadata()?;
        let is_there = std::fs::metadata(&self.path)
            .is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino()));
        if !is_there {
            self.file.flush()?;
            self.file = BufWriter::new(append_to(&self.path)?);
        }
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests;
