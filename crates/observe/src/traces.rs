//! Traces: a span for each review and a child span for each call, exported to a collector with
//! OTLP.
//!
//! Spans are created after a decision was made. A separate thread exports them: when it cannot keep
//! up, or the collector is unavailable, spans are dropped and counted.

mod export;
mod options;
mod spans;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use export::{ExportError, Exporter};
pub use options::{Endpoint, InvalidEndpoint, InvalidPairs, OpenError, Options, parse_pairs};
use spans::Review;

use crate::decision::DecisionEvent;
use crate::record::Record;
use crate::sampler::Sampler;

/// Maximum number of queued spans.
const MAX_PENDING_SPANS: usize = 16_384;

/// Maximum size of the records of queued spans, in bytes.
const MAX_PENDING_BYTES: usize = 32 << 20;

/// Number of spans after which a batch is sent. The last review of a batch may exceed it.
const BATCH_SPANS: usize = 1_024;

/// Time after which an incomplete batch is sent.
const BATCH_DELAY: Duration = Duration::from_secs(1);

/// Time after which a flush fails.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// An exporter of traces. Dropping it does not wait for queued spans: see
/// [`Observer::finish`](crate::Observer::finish).
#[derive(Debug)]
pub struct Traces {
    sender: Sender<Message>,
    shared: Arc<Shared>,
    sampler: Sampler,
}

#[derive(Debug, Default)]
struct Shared {
    pending_spans: AtomicUsize,
    /// The size of the records of pending spans.
    pending_bytes: AtomicUsize,
    dropped: AtomicU64,
}

/// A message to the exporter thread.
enum Message {
    Send(Review),
    /// A request for a reply once all earlier reviews are sent or dropped.
    Flush(SyncSender<()>),
}

impl Traces {
    /// Starts the exporter thread. The collector need not be available yet.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        let exporter = Exporter::new(options)?;
        let shared = Arc::new(Shared::default());
        let (sender, receiver) = mpsc::channel();
        let of_thread = Arc::clone(&shared);
        thread::Builder::new()
            .name("traces".to_owned())
            .spawn(move || export_all(&receiver, &exporter, &of_thread))
            .map_err(OpenError::Thread)?;
        Ok(Self {
            sender,
            shared,
            sampler: Sampler::new(options.sample_rate),
        })
    }

    /// Queues the spans of a decision that was made just now. The caller's flag decides if it is
    /// sampled, or else the sample rate.
    pub(crate) fn send(&self, event: &DecisionEvent<'_>, record: &Arc<Record>, elapsed: Duration) {
        let is_sampled = match event.parent {
            Some(parent) => parent.is_sampled(),
            None => self.sampler.sample(),
        };
        if !is_sampled {
            return;
        }
        let review = Review::new(event, Arc::clone(record), elapsed);
        let (spans, bytes) = (review.spans(), record.size());
        let is_queued =
            self.shared.reserve(spans, bytes) && self.sender.send(Message::Send(review)).is_ok();
        if !is_queued {
            self.shared.release(spans, bytes);
            self.shared.count_dropped(spans);
        }
    }

    /// Waits until all queued spans are sent or dropped, at most [`FLUSH_TIMEOUT`].
    pub(crate) fn flush(&self) {
        let (reply, flushed) = mpsc::sync_channel(1);
        let is_requested = self.sender.send(Message::Flush(reply)).is_ok();
        if is_requested && flushed.recv_timeout(FLUSH_TIMEOUT).is_err() {
            tracing::warn!("traces were not fully exported on shutdown: collector timed out");
        }
    }

    /// Returns the number of dropped spans.
    #[must_use]
    pub fn dropped_spans(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

impl Shared {
    /// Adds to the queue. Returns true if it stays within its bounds; otherwise the caller releases
    /// what it added.
    fn reserve(&self, spans: usize, bytes: usize) -> bool {
        let earlier_spans = self.pending_spans.fetch_add(spans, Ordering::Relaxed);
        let earlier_bytes = self.pending_bytes.fetch_add(bytes, Ordering::Relaxed);
        earlier_spans.saturating_add(spans) <= MAX_PENDING_SPANS
            && earlier_bytes.saturating_add(bytes) <= MAX_PENDING_BYTES
    }

    fn release(&self, spans: usize, bytes: usize) {
        self.pending_spans.fetch_sub(spans, Ordering::Relaxed);
        self.pending_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn count_dropped(&self, spans: usize) {
        let spans = u64::try_from(spans).unwrap_or(u64::MAX);
        self.dropped.fetch_add(spans, Ordering::Relaxed);
    }
}

/// Sends batches until the sender is dropped: the body of the exporter thread.
fn export_all(receiver: &Receiver<Message>, exporter: &Exporter, shared: &Shared) {
    let mut is_failing = false;
    while let Ok(first) = receiver.recv() {
        let batch = Batch::collect(first, receiver);
        if !batch.reviews.is_empty() {
            let sent = exporter.send(&batch.reviews);
            shared.release(batch.spans, batch.bytes);
            shared.count_dropped(match &sent {
                Ok(rejected) => *rejected,
                Err(_) => batch.spans,
            });
            log_change(&sent, is_failing);
            is_failing = sent.is_err();
        }
        if let Some(reply) = batch.flush {
            // The receiver may have timed out.
            let _ = reply.send(());
        }
    }
}

/// Logs the first failure and the recovery, not each failure.
fn log_change(sent: &Result<usize, ExportError>, was_failing: bool) {
    match sent {
        Err(error) if !was_failing => {
            let error = host::error_chain(error);
            tracing::error!(error, "failed to export traces; dropping spans");
        }
        Ok(_) if was_failing => tracing::info!("resumed exporting traces"),
        Ok(_) | Err(_) => {}
    }
}

/// Reviews that are sent in one request.
#[derive(Default)]
struct Batch {
    reviews: Vec<Review>,
    spans: usize,
    bytes: usize,
    flush: Option<SyncSender<()>>,
}

impl Batch {
    /// Collects messages until the batch is full, the delay has passed or a flush is requested.
    fn collect(first: Message, receiver: &Receiver<Message>) -> Self {
        let start = Instant::now();
        let mut batch = Self::default();
        let mut next = Ok(first);
        while let Ok(message) = next {
            match message {
                Message::Send(review) => batch.push(review),
                Message::Flush(reply) => {
                    batch.flush = Some(reply);
                    break;
                }
            }
            let remaining = BATCH_DELAY.saturating_sub(start.elapsed());
            next = if batch.spans < BATCH_SPANS {
                receiver.recv_timeout(remaining)
            } else {
                Err(RecvTimeoutError::Timeout)
            };
        }
        batch
    }

    fn push(&mut self, review: Review) {
        self.spans = self.spans.saturating_add(review.spans());
        self.bytes = self.bytes.saturating_add(review.bytes());
        self.reviews.push(review);
    }
}

#[cfg(test)]
mod tests;
