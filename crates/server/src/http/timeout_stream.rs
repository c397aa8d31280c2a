//! A stream with timeouts: for the next request, for the rest of its head, and for a client that
//! does not receive the response.
//!
//! hyper has one timeout for both an idle HTTP/1.1 connection and an incomplete head, and none for
//! the other cases. The timers here are lazy: while requests are handled, none is set.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Substitute for a timeout that exceeds the clock.
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The number of requests of a connection. The handler counts them, the stream reads them.
#[derive(Debug, Default)]
pub(super) struct Activity {
    started: AtomicUsize,
    open: AtomicUsize,
}

/// A guard that counts a request as open until it is dropped.
#[derive(Debug)]
pub(super) struct OpenRequest(Arc<Activity>);

impl Activity {
    pub(super) fn start_request(activity: &Arc<Self>) -> OpenRequest {
        activity.open.fetch_add(1, Ordering::Relaxed);
        activity.started.fetch_add(1, Ordering::Relaxed);
        OpenRequest(Arc::clone(activity))
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The event that ends the idle state of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdleEnd {
    /// The first byte: in HTTP/1.1 every byte belongs to a request.
    FirstByte,
    /// A request: HTTP/2 connections also exchange other frames.
    Request,
}

/// Timeouts of a stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    /// From the first byte of a request to the end of its head.
    pub(super) head: Duration,
    /// Between requests.
    pub(super) idle: Duration,
    /// While the client receives nothing.
    pub(super) write: Duration,
}

/// A stream that fails with [`io::ErrorKind::TimedOut`] when the client exceeds a timeout.
#[derive(Debug)]
pub(super) struct TimeoutStream<S> {
    stream: S,
    activity: Arc<Activity>,
    idle_end: IdleEnd,
    timeouts: Timeouts,
    waiting: Waiting,
    /// The value of [`Activity::started`] when `waiting` was last set.
    started: usize,
    read_timer: Option<Pin<Box<Sleep>>>,
    /// Set while the client receives nothing.
    write_timer: Option<Pin<Box<Sleep>>>,
}

/// The input that the stream waits for.
#[derive(Debug, Clone, Copy)]
enum Waiting {
    Request { since: Instant },
    RestOfHead { since: Instant },
}

impl<S> TimeoutStream<S> {
    pub(super) fn new(
        stream: S,
        activity: Arc<Activity>,
        idle_end: IdleEnd,
        timeouts: Timeouts,
    ) -> Self {
        Self {
            stream,
            activity,
            idle_end,
            timeouts,
            waiting: Waiting::Request {
                since: Instant::now(),
            },
            started: 0,
            read_timer: None,
            write_timer: None,
        }
    }

    /// Notes that bytes were read.
    fn received(&mut self) {
        if self.idle_end == IdleEnd::FirstByte
            && self.is_waiting()
            && matches!(self.waiting, Waiting::Request { .. })
        {
            self.waiting = Waiting::RestOfHead {
                since: Instant::now(),
            };
        }
    }

    /// Returns true if no request is open. Restarts the wait if a request completed meanwhile.
    fn is_waiting(&mut self) -> bool {
        if self.activity.open.load(Ordering::Relaxed) > 0 {
            return false;
        }
        let started = self.activity.started.load(Ordering::Relaxed);
        if started != self.started {
            self.started = started;
            self.waiting = Waiting::Request {
                since: Instant::now(),
            };
        }
        true
    }

    /// Polls the read timer, while nothing can be read. Ready when the client exceeds a timeout.
    fn poll_read_timeout(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        if !self.is_waiting() {
            // The handler has a deadline of its own, which includes the body.
            return Poll::Pending;
        }
        let deadline = match self.waiting {
            Waiting::Request { since } => after(since, self.timeouts.idle),
            Waiting::RestOfHead { since } => after(since, self.timeouts.head),
        };
        let timer = self
            .read_timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        // A timer that fires early costs one wake-up and is then set again. Setting it for each
        // request would cost more.
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

    /// Returns the result of a write, or an error if nothing could be written for too long.
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

/// Returns the instant after a duration of at most [`YEAR`].
fn after(since: Instant, duration: Duration) -> Instant {
    since.checked_add(duration.min(YEAR)).unwrap_or(since)
}

impl<S: AsyncRead + Unpin> AsyncRead for TimeoutStream<S> {
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

impl<S: AsyncWrite + Unpin> AsyncWrite for TimeoutStream<S> {
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
        // After a response, hyper does not read until the stream is readable, so the wait for the
        // next request starts here.
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
