//! Backtraces of traps, with demangled and bounded function names.

use std::fmt::{self, Write};

use wasmtime::{FrameInfo, WasmBacktrace};

/// Maximum length of a function name, in bytes. Names of generic functions can be very long, and a
/// hostile module can contain any name.
const MAX_NAME: usize = 256;

/// The functions that were active when a module trapped, innermost first. At most 20.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backtrace {
    /// Active functions, innermost first.
    pub frames: Vec<Frame>,
}

/// One active function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Function name, demangled if it is a Rust name; `None` if the module has no name for it.
    pub name: Option<String>,
    /// Index of the function in the module.
    pub function: u32,
    /// Offset of the instruction in the module's file.
    pub offset: Option<usize>,
}

impl From<&WasmBacktrace> for Backtrace {
    fn from(backtrace: &WasmBacktrace) -> Self {
        Self {
            frames: backtrace.frames().iter().map(Frame::from).collect(),
        }
    }
}

impl From<&FrameInfo> for Frame {
    fn from(frame: &FrameInfo) -> Self {
        Self {
            name: frame.func_name().map(printable_name),
            function: frame.func_index(),
            offset: frame.module_offset(),
        }
    }
}

/// Formats one function per line, without a newline at the end.
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

/// Returns the name demangled, without control characters, and cut at [`MAX_NAME`].
fn printable_name(name: &str) -> String {
    let mut text = BoundedText(String::new());
    // `BoundedText` returns an error only when it is full; the text up to there is kept.
    let _ = write!(text, "{:#}", rustc_demangle::demangle(name));
    text.0
}

/// A writer that replaces control characters and fails once [`MAX_NAME`] bytes are written.
struct BoundedText(String);

impl Write for BoundedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if self.0.len() >= MAX_NAME {
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
    fn demangles_rust_names() {
        assert_eq!(
            printable_name("_ZN4core9panicking5panic17h0123456789abcdefE"),
            "core::panicking::panic"
        );
        assert_eq!(printable_name("validate"), "validate");
    }

    #[test]
    fn bounds_names_and_replaces_control_characters() {
        assert_eq!(printable_name("a\nb\u{1b}[31m"), "a?b?[31m");
        assert_eq!(printable_name(&"x".repeat(10_000)).len(), MAX_NAME);
    }

    #[test]
    fn formats_one_function_per_line() {
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
