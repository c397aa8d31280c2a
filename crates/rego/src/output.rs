//! Text that is written piece by piece and cannot grow without bound.

use std::fmt;

use crate::Error;
use crate::limits::TEXT_BYTES_MAX;

/// A text that refuses to grow beyond the limit of a result.
#[derive(Debug, Default)]
pub(crate) struct Output {
    text: String,
}

impl Output {
    pub(crate) fn push(&mut self, text: &str) -> Result<(), Error> {
        self.reserve(text.len())?;
        self.text.push_str(text);
        Ok(())
    }

    pub(crate) fn push_char(&mut self, char: char) -> Result<(), Error> {
        self.reserve(char.len_utf8())?;
        self.text.push(char);
        Ok(())
    }

    /// Writes `char` this many times.
    pub(crate) fn fill(&mut self, char: char, times: usize) -> Result<(), Error> {
        self.reserve(char.len_utf8().saturating_mul(times))?;
        self.text.extend(std::iter::repeat_n(char, times));
        Ok(())
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    fn reserve(&self, bytes: usize) -> Result<(), Error> {
        if self.text.len().saturating_add(bytes) > TEXT_BYTES_MAX {
            return Err(too_large());
        }
        Ok(())
    }
}

impl fmt::Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text).map_err(|_| fmt::Error)
    }
}

pub(crate) fn too_large() -> Error {
    Error::TooLarge {
        what: "a text in bytes",
        max: TEXT_BYTES_MAX,
    }
}
