//! The log: what is logged during a call is handed to the caller's function right before the call returns.
//!
//! Not at once, because a module has a stack of its own, and what it logs through the host would be handed over from there:
//! no place to call into a runtime that keeps track of stacks, as Go's does.

use std::cell::RefCell;
use std::ffi::c_void;
use std::io;
use std::mem;

use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Metadata, dispatcher};
use tracing_subscriber::fmt::MakeWriter;

use crate::guard::Refused;
use crate::types::{
    Bytes, LEVEL_DEBUG, LEVEL_ERROR, LEVEL_INFO, LEVEL_WARN, Level, LogFunction, Options,
};

/// What is kept of the log of one call, in bytes. A call that logs more is told about at its end.
const CALL_BYTES_MAX: usize = 1 << 20;

thread_local! {
    /// What was logged by the call that this thread is in.
    static LINES: RefCell<Lines> = RefCell::default();
}

#[derive(Default)]
struct Lines {
    lines: Vec<(Level, Vec<u8>)>,
    bytes: usize,
}

/// Who takes the log of a host, if anybody does.
pub(crate) struct Log(Option<Taker>);

struct Taker {
    dispatch: Dispatch,
    function: unsafe extern "C" fn(*mut c_void, Level, Bytes),
    context: Context,
}

struct Context(*mut c_void);

// SAFETY: the pointer is not used here, only handed back; the header says that this happens on any thread.
unsafe impl Send for Context {}
// SAFETY: likewise.
unsafe impl Sync for Context {}

impl Log {
    pub(crate) fn new(options: Option<&Options>) -> Result<Self, Refused> {
        let taker = options.map(Taker::new).transpose()?.flatten();
        Ok(Self(taker))
    }

    /// Makes a call, and hands over what it logged, even if it panics.
    pub(crate) fn during<T>(&self, call: impl FnOnce() -> T) -> T {
        let Some(taker) = &self.0 else { return call() };
        let _handover = Handover(taker);
        dispatcher::with_default(&taker.dispatch, call)
    }
}

impl Taker {
    fn new(options: &Options) -> Result<Option<Self>, Refused> {
        let function: LogFunction = options.log;
        let Some(function) = function else {
            return Ok(None);
        };
        let level = match options.log_level {
            LEVEL_ERROR => LevelFilter::ERROR,
            LEVEL_WARN => LevelFilter::WARN,
            LEVEL_INFO => LevelFilter::INFO,
            LEVEL_DEBUG => LevelFilter::DEBUG,
            _ => return Err(Refused::argument("`options.log_level` is unknown")),
        };
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(ToLines)
            .with_ansi(false)
            .without_time()
            .with_level(false)
            .with_target(false)
            .finish();
        Ok(Some(Self {
            dispatch: Dispatch::new(subscriber),
            function,
            context: Context(options.log_context),
        }))
    }

    fn take(&self, level: Level, text: &[u8]) {
        let text = Bytes {
            data: text.as_ptr(),
            length: text.len(),
        };
        // SAFETY: a function of the caller's, called as the header says, on the stack of the call.
        unsafe { (self.function)(self.context.0, level, text) };
    }
}

/// Hands over the lines of this thread when it is dropped.
struct Handover<'a>(&'a Taker);

impl Drop for Handover<'_> {
    fn drop(&mut self) {
        // Taken out first: the caller's function may make calls of its own.
        let Lines { lines, bytes } = LINES.with_borrow_mut(mem::take);
        for (level, text) in lines {
            self.0.take(level, text.trim_ascii_end());
        }
        if bytes > CALL_BYTES_MAX {
            self.0
                .take(LEVEL_WARN, b"more was logged than is kept of one call");
        }
    }
}

/// Writes lines to those of the thread.
struct ToLines;

struct Line(Level);

impl<'a> MakeWriter<'a> for ToLines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(LEVEL_INFO)
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Line {
        Line(match *meta.level() {
            tracing::Level::ERROR => LEVEL_ERROR,
            tracing::Level::WARN => LEVEL_WARN,
            tracing::Level::INFO => LEVEL_INFO,
            tracing::Level::DEBUG | tracing::Level::TRACE => LEVEL_DEBUG,
        })
    }
}

impl io::Write for Line {
    /// A line is written in one piece.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| {
            lines.bytes = lines.bytes.saturating_add(line.len());
            if lines.bytes <= CALL_BYTES_MAX {
                lines.lines.push((self.0, line.to_vec()));
            }
        });
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
