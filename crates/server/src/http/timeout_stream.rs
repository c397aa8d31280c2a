//! A stream that ends by itself when the client keeps it waiting: for a request, for the rest of one, or for taking an answer.
//!
//! hyper has one timeout for both an idle HTTP/1.1 connection and a head that trickles in, and none for the others. Here the
//! timers are lazy: as long as requests come and go, none is set.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// The requests of a connection, counted by who answers them and read by the stream.
#[derive(Debug, Default)]
pub(super) struct Activity {
    begun: AtomicUsize,
    open: AtomicUsize,
}

/// A request that is being answered, until it is dropped.
#[derive(Debug)]
pub(super) struct Active(Arc<Activity>);

impl Activity {
    pub(super) fn begin(activity: &Arc<Self>) -> Active {
        activity.open.fetch_add(1, Ordering::Relaxed);
        activity.begun.fetch_add(1, Ordering::Relaxed);
        Active(Arc::clone(activity))
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// When a connection without an open request stops being idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdleRule {
    /// With the first byte: whatever comes in HTTP/1.1 is a request, and has to be complete soon.
    UntilFirstByte,
    /// With a request: HTTP/2 connections exchange other things, too.
    UntilRequest,
}

/// How long a client may keep a stream waiting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    /// From the first byte of a request to the end of its head.
    pub(super) head: Duration,
    /// Between requests.
    pub(super) idle: Duration,
    /// Without taking a byte.
    pub(super) write: Duration,
}

/// The stream.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    activity: Arc<Activity>,
    rule: IdleRule,
    timeouts: Timeouts,
    waiting: Waiting,
    /// [`Activity::begun`] when `waiting` was last set.
    seen: usize,
    read_timer: Option<Pin<Box<Sleep>>>,
    /// Set while the client takes nothing.
    write_timer: Option<Pin<Box<Sleep>>>,
}

/// What the client is waited for.
#[derive(Debug, Clone, Copy)]
enum Waiting {
    Request { since: Instant },
    RestOfHead { since: Instant },
}

impl<S> Watched<S> {
    pub(super) fn new(
        stream: S,
        activity: Arc<Activity>,
        rule: IdleRule,
        timeouts: Timeouts,
    ) -> Self {
        Self {
            stream,
            activity,
            rule,
            timeouts,
            waiting: Waiting::Request {
                since: Instant::now(),
            },
            seen: 0,
            read_timer: None,
            write_timer: None,
        }
    }

    /// Something was read.
    fn received(&mut self) {
        if self.rule == IdleRule::UntilFirstByte
            && self.is_waiting()
            && matches!(self.waiting, Waiting::Request { .. })
        {
            self.waiting = Waiting::RestOfHead {
                since: Instant::now(),
            };
        }
    }

    /// Whether the next thing expected is a request; starts the wait anew when one was answered meanwhile.
    fn is_waiting(&mut self) -> bool {
        if self.activity.open.load(Ordering::Relaxed) > 0 {
            return false;
        }
        let begun = self.activity.begun.load(Ordering::Relaxed);
        if begun != self.seen {
            self.seen = begun;
            self.waiting = Waiting::Request {
                since: Instant::now(),
            };
        }
        true
    }

    /// With nothing to read: ready with an error when the client has taken too long.
    fn poll_read_timeout(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        if !self.is_waiting() {
            // The handler has its own deadline, and gives it to the body.
            return Poll::Pending;
        }
        let deadline = match self.waiting {
            Waiting::Request { since } => after(since, self.timeouts.idle),
            Waiting::RestOfHead { since } => after(since, self.timeouts.head),
        };
        let timer = self
            .read_timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        // A timer that is set too early costs one wake-up and is set again then; setting it for each request would cost more.
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        loop {
            ready!(timer.as_mut().poll(context));
            if timer.deadline() >= deadline {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            timer.as_mut().reset(deadline);
        }
    }

    /// Passes on what writing gave, unless nothing could be written for too long.
    fn check_write<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_timer = None;
            return written;
        }
        let timeout = self.timeouts.write;
        let timer = self
            .write_timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

/// Some time after an instant; a sum that does not exist is as good as a year.
fn after(since: Instant, duration: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    since.checked_add(duration.min(YEAR)).unwrap_or(since)
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Pending => this.poll_read_timeout(context).map(Err),
            ready => {
                this.received();
                ready
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.check_write(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.check_write(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        ready!(this.check_write(context, flushed))?;
        // After an answer hyper does not read until there is something to read, so this is where the wait for the next
        // request begins.
        match this.poll_read_timeout(context) {
            Poll::Ready(error) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.stream).poll_shutdown(context);
        this.check_write(context, shut)
    }
}
