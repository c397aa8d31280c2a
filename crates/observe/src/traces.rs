//! Traces: a span for each review and one for each call that it took, sent to a collector by OTLP.
//!
//! Spans are made of decisions that were made. A thread of its own writes and sends them; when it cannot keep up, or the collector
//! is away, spans are lost and counted.

mod export;
mod options;
mod parent;
mod review;
mod spans;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use export::{ExportError, Exporter};
pub use options::{Endpoint, NoEndpoint, NoPairs, Options, pairs};
pub use parent::Parent;
use review::Review;

use crate::observer::DecisionEvent;
use crate::record::Record;
use crate::sampling::Sampling;

/// Sends traces. What is left when this is dropped is sent when there is time.
#[derive(Debug)]
pub struct Traces {
    sender: Sender<Message>,
    shared: Arc<Shared>,
    sampling: Sampling,
}

/// Why no traces can be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A header that is none.
    #[error("`{0}` is no header of HTTP, or its value cannot be one")]
    Header(String),
    /// There is no TLS.
    #[error("failed to set up the HTTP client")]
    Client(#[source] reqwest::Error),
    /// There is no thread to be had.
    #[error("failed to start a thread")]
    Thread(#[source] io::Error),
}

#[derive(Debug, Default)]
struct Shared {
    /// Spans that are handed over and not sent yet.
    pending: AtomicUsize,
    lost: AtomicU64,
}

/// What the thread is told.
enum Message {
    Send(Box<Review>),
    /// Answer when all that came before is sent, or lost.
    Flush(SyncSender<()>),
}

/// Spans that wait to be sent: some megabytes.
const PENDING_SPANS: usize = 16_384;
/// So many spans are sent at once, and those of the review that was the last to fit.
const BATCH_SPANS: usize = 1_024;
/// How long a batch waits to be filled.
const BATCH_DELAY: Duration = Duration::from_secs(1);
/// A collector that takes longer is away.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

impl Traces {
    /// Starts the thread that sends. The collector need not be there yet.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        let exporter = Exporter::new(options)?;
        let shared = Arc::new(Shared::default());
        let (sender, receiver) = mpsc::channel();
        let ours = Arc::clone(&shared);
        thread::Builder::new()
            .name("traces".to_owned())
            .spawn(move || export_all(&receiver, &exporter, &ours))
            .map_err(OpenError::Thread)?;
        Ok(Self {
            sender,
            shared,
            sampling: Sampling::new(options.sample),
        })
    }

    /// Hands a decision over, if its caller records its own span, or else if it is of the share that is sampled.
    pub(crate) fn take(&self, decided: &DecisionEvent<'_>, record: Record, elapsed: Duration) {
        let is_sampled = match decided.parent {
            Some(parent) => parent.is_sampled,
            None => self.sampling.takes(),
        };
        if !is_sampled {
            return;
        }
        let review = Box::new(Review::of(decided, record, elapsed));
        let size = review.size();
        let pending = self.shared.pending.fetch_add(size, Ordering::Relaxed);
        let is_taken = pending.saturating_add(size) <= PENDING_SPANS
            && self.sender.send(Message::Send(review)).is_ok();
        if !is_taken {
            self.shared.pending.fetch_sub(size, Ordering::Relaxed);
            self.shared.lose(size);
        }
    }

    /// Waits until everything that was handed over is sent, for a few seconds at most.
    pub(crate) fn flush(&self) {
        let (sent, wait) = mpsc::sync_channel(1);
        let asked = self.sender.send(Message::Flush(sent)).is_ok();
        if asked && wait.recv_timeout(FLUSH_TIMEOUT).is_err() {
            tracing::warn!("the last traces are not sent: the collector takes too long");
        }
    }

    /// How many spans were lost so far.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn lose(&self, spans: usize) {
        let spans = u64::try_from(spans).unwrap_or(u64::MAX);
        self.lost.fetch_add(spans, Ordering::Relaxed);
    }
}

/// The body of the thread.
fn export_all(receiver: &Receiver<Message>, exporter: &Exporter, shared: &Shared) {
    let mut is_broken = false;
    while let Ok(first) = receiver.recv() {
        let batch = Batch::collect(first, receiver);
        if !batch.reviews.is_empty() {
            let sent = exporter.send(&batch.reviews);
            shared.pending.fetch_sub(batch.spans, Ordering::Relaxed);
            shared.lose(match &sent {
                Ok(refused) => *refused,
                Err(_) => batch.spans,
            });
            log_change(&sent, is_broken);
            is_broken = sent.is_err();
        }
        if let Some(flushed) = batch.flushed {
            // Nobody may wait for the answer any more.
            let _ = flushed.send(());
        }
    }
}

fn log_change(sent: &Result<usize, ExportError>, was_broken: bool) {
    match sent {
        Err(error) if !was_broken => {
            let error = host::error_chain(error);
            tracing::error!(error, "traces cannot be sent; decisions go on without them");
        }
        Ok(_) if was_broken => tracing::info!("traces are sent again"),
        Ok(_) | Err(_) => {}
    }
}

/// What is sent at once.
#[derive(Default)]
struct Batch {
    reviews: Vec<Review>,
    spans: usize,
    flushed: Option<SyncSender<()>>,
}

impl Batch {
    /// The first message and those that follow within the delay, up to a flush, or to as many spans as are sent at once.
    fn collect(first: Message, receiver: &Receiver<Message>) -> Self {
        let begin = Instant::now();
        let mut batch = Self::default();
        let mut next = Ok(first);
        while let Ok(message) = next {
            match message {
                Message::Send(review) => {
                    batch.spans = batch.spans.saturating_add(review.size());
                    batch.reviews.push(*review);
                }
                Message::Flush(flushed) => {
                    batch.flushed = Some(flushed);
                    break;
                }
            }
            let rest = BATCH_DELAY.saturating_sub(begin.elapsed());
            next = if batch.spans < BATCH_SPANS {
                receiver.recv_timeout(rest)
            } else {
                Err(RecvTimeoutError::Timeout)
            };
        }
        batch
    }
}

#[cfg(test)]
mod tests;
