//! Text output of bounded length.

use std::fmt;

use crate::Error;
use crate::limits::check_text;

/// A text that is written in pieces. Writes beyond the limit of a text fail.
#[derive(Debug, Default)]
pub(crate) struct Output {
    text: String,
}

impl Output {
    pub(crate) fn push(&mut self, text: &str) -> Result<(), Error> {
        self.check_space(text.len())?;
        self.text.push_str(text);
        Ok(())
    }

    pub(crate) fn push_char(&mut self, char: char) -> Result<(), Error> {
        self.check_space(char.len_utf8())?;
        self.text.push(char);
        Ok(())
    }

    /// Writes a character `count` times.
    pub(crate) fn fill(&mut self, char: char, count: usize) -> Result<(), Error> {
        self.check_space(char.len_utf8().saturating_mul(count))?;
        self.text.extend(std::iter::repeat_n(char, count));
        Ok(())
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    fn check_space(&self, bytes: usize) -> Result<(), Error> {
        check_text(self.text.len().saturating_add(bytes))
    }
}

impl fmt::Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text).map_err(|_| fmt::Error)
    }
}
