//! The log of a call, passed to the caller's function right before the call returns.
//!
//! Messages are not passed on at once: a module has a stack of its own and logs through the host on
//! it. A runtime that tracks stacks, such as Go's, must not be called from there.

use std::cell::RefCell;
use std::ffi::c_void;
use std::io;
use std::mem;

use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Metadata, dispatcher};
use tracing_subscriber::fmt::MakeWriter;

use crate::ffi::CallError;
use crate::types::{
    Bytes, LEVEL_DEBUG, LEVEL_ERROR, LEVEL_INFO, LEVEL_WARN, Level, LogFunction, Options,
};

/// The upper bound of the log of one call, in bytes. Further messages are dropped with a warning.
const MAX_CALL_BYTES: usize = 1 << 20;

thread_local! {
    /// The messages of the call that runs on this thread.
    static MESSAGES: RefCell<Messages> = RefCell::default();
}

#[derive(Default)]
struct Messages {
    messages: Vec<(Level, Vec<u8>)>,
    /// The length of all messages, including those dropped.
    bytes: usize,
}

/// The log of a host; `None` if the caller passed no function.
pub(crate) struct Log(Option<Receiver>);

/// The caller's function, and the subscriber that collects messages for it.
struct Receiver {
    dispatch: Dispatch,
    function: unsafe extern "C" fn(*mut c_void, Level, Bytes),
    context: Context,
}

struct Context(*mut c_void);

// SAFETY: the pointer is only passed back to the caller; the header permits that on any thread.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

impl Log {
    pub(crate) fn new(options: Option<&Options>) -> Result<Self, CallError> {
        let receiver = options.map(Receiver::new).transpose()?.flatten();
        Ok(Self(receiver))
    }

    /// Runs a call and passes its messages on, even if it panics.
    pub(crate) fn during<T>(&self, call: impl FnOnce() -> T) -> T {
        let Some(receiver) = &self.0 else {
            return call();
        };
        let _flush = FlushOnDrop(receiver);
        dispatcher::with_default(&receiver.dispatch, call)
    }
}

impl Receiver {
    fn new(options: &Options) -> Result<Option<Self>, CallError> {
        let function: LogFunction = options.log;
        let Some(function) = function else {
            return Ok(None);
        };
        let level = match options.log_level {
            LEVEL_ERROR => LevelFilter::ERROR,
            LEVEL_WARN => LevelFilter::WARN,
            LEVEL_INFO => LevelFilter::INFO,
            LEVEL_DEBUG => LevelFilter::DEBUG,
            _ => {
                return Err(CallError::invalid_argument(
                    "`options.log_level` is unknown",
                ));
            }
        };
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(MessageWriters)
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

    fn send(&self, level: Level, text: &[u8]) {
        let text = Bytes {
            data: text.as_ptr(),
            length: text.len(),
        };
        // SAFETY: the caller's function, called as the header documents, on the stack of the call.
        unsafe { (self.function)(self.context.0, level, text) };
    }
}

/// Passes on the messages of this thread when it is dropped.
struct FlushOnDrop<'a>(&'a Receiver);

impl Drop for FlushOnDrop<'_> {
    fn drop(&mut self) {
        // The messages are taken first, since the caller's function may make calls of its own.
        let Messages { messages, bytes } = MESSAGES.with_borrow_mut(mem::take);
        for (level, text) in messages {
            self.0.send(level, text.trim_ascii_end());
        }
        if bytes > MAX_CALL_BYTES {
            self.0
                .send(LEVEL_WARN, b"dropped log messages of a call beyond 1 MiB");
        }
    }
}

/// A factory of writers to the messages of the thread.
struct MessageWriters;

struct MessageWriter(Level);

impl<'a> MakeWriter<'a> for MessageWriters {
    type Writer = MessageWriter;

    fn make_writer(&'a self) -> MessageWriter {
        MessageWriter(LEVEL_INFO)
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> MessageWriter {
        MessageWriter(match *metadata.level() {
            tracing::Level::ERROR => LEVEL_ERROR,
            tracing::Level::WARN => LEVEL_WARN,
            tracing::Level::INFO => LEVEL_INFO,
            tracing::Level::DEBUG | tracing::Level::TRACE => LEVEL_DEBUG,
        })
    }
}

impl io::Write for MessageWriter {
    /// Appends a message; the subscriber writes each message in one piece.
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        MESSAGES.with_borrow_mut(|messages| {
            messages.bytes = messages.bytes.saturating_add(text.len());
            if messages.bytes <= MAX_CALL_BYTES {
                messages.messages.push((self.0, text.to_vec()));
            }
        });
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
