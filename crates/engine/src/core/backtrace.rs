//! Where a module crashed, in names that people can read.

use std::fmt::{self, Write};

use wasmtime::{FrameInfo, WasmBacktrace};

/// The longest name that is kept, in bytes. Names of generic functions grow without end, and
/// hostile ones need no reason.
const NAME_MAX: usize = 256;

/// The functions that were active when a module trapped, the innermost first. At most twenty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backtrace {
    /// The functions.
    pub frames: Vec<Frame>,
}

/// One active function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its name, when the module carries names; demangled when it is a Rust name.
    pub name: Option<String>,
    /// Its number in the module.
    pub function: u32,
    /// Where in the module's file the instruction is.
    pub offset: Option<usize>,
}

impl Backtrace {
    pub(super) fn of(backtrace: &WasmBacktrace) -> Self {
        Self {
            frames: backtrace.frames().iter().map(Frame::of).collect(),
        }
    }
}

impl Frame {
    fn of(frame: &FrameInfo) -> Self {
        Self {
            name: frame.func_name().map(readable),
            function: frame.func_index(),
            offset: frame.module_offset(),
        }
    }
}

/// One function a line, without a newline at the end.
impl fmt::Display for Backtrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, frame) in self.frames.iter().enumerate() {
            if n > 0 {
                f.write_char('\n')?;
            }
            write!(f, "{n}: {frame}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => f.write_str(name)?,
            None => write!(f, "function {}", self.function)?,
        }
        self.offset
            .map_or(Ok(()), |offset| write!(f, " at {offset:#x}"))
    }
}

/// The name without mangling and control characters, cut where it becomes too long.
fn readable(name: &str) -> String {
    let mut text = Bounded(String::new());
    // The only error is that of `Bounded`: what fits is there.
    let _ = write!(text, "{:#}", rustc_demangle::demangle(name));
    text.0
}

/// Takes printable characters until there are enough, then refuses.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if self.0.len() >= NAME_MAX {
                return Err(fmt::Error);
            }
            self.0.push(if c.is_control() { '?' } else { c });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_demangled() {
        assert_eq!(
            readable("_ZN4core9panicking5panic17h0123456789abcdefE"),
            "core::panicking::panic"
        );
        assert_eq!(readable("validate"), "validate");
    }

    #[test]
    fn names_are_short_and_printable() {
        assert_eq!(readable("a\nb\u{1b}[31m"), "a?b?[31m");
        assert_eq!(readable(&"x".repeat(10_000)).len(), NAME_MAX);
    }

    #[test]
    fn is_written_one_function_a_line() {
        let named = Frame {
            name: Some("panic".into()),
            function: 3,
            offset: Some(0x1f),
        };
        let unnamed = Frame {
            name: None,
            function: 7,
            offset: None,
        };
        let backtrace = Backtrace {
            frames: vec![named, unnamed],
        };
        assert_eq!(backtrace.to_string(), "0: panic at 0x1f\n1: function 7");
    }
}
