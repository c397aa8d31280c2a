//! The flags, width and precision of a verb.

use crate::Error;
use crate::output::Output;

/// The format of a value.
#[derive(Debug, Default)]
pub(super) struct Spec {
    pub(super) sharp: bool,
    pub(super) zero: bool,
    pub(super) plus: bool,
    pub(super) minus: bool,
    pub(super) space: bool,
    /// True for `%#v`: the value in Go syntax.
    pub(super) go_syntax: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

impl Spec {
    /// Sets a flag. Returns false if the character is not a flag.
    pub(super) fn set_flag(&mut self, char: char) -> bool {
        match char {
            '#' => self.sharp = true,
            '0' => self.zero = true,
            '+' => self.plus = true,
            '-' => self.minus = true,
            ' ' => self.space = true,
            _ => return false,
        }
        true
    }

    /// Adapts the flags to the verb `v`, which interprets them differently.
    pub(super) fn for_value_verb(&mut self) {
        self.go_syntax = std::mem::take(&mut self.sharp);
        self.plus = false;
    }

    /// Returns the sign of a number that is not negative.
    pub(super) fn positive_sign(&self) -> &'static str {
        match (self.plus, self.space) {
            (true, _) => "+",
            (false, true) => " ",
            (false, false) => "",
        }
    }

    /// Returns whether zeros fill the width. They do on the left only.
    pub(super) fn fills_with_zeros(&self) -> bool {
        self.zero && !self.minus
    }

    /// Writes a text, padded to its width.
    pub(super) fn pad(&self, text: &str, output: &mut Output) -> Result<(), Error> {
        self.pad_with(
            text,
            if self.fills_with_zeros() { '0' } else { ' ' },
            output,
        )
    }

    /// Writes a number, padded to its width. Its zeros are already part of the text.
    pub(super) fn pad_with_spaces(&self, text: &str, output: &mut Output) -> Result<(), Error> {
        self.pad_with(text, ' ', output)
    }

    fn pad_with(&self, text: &str, fill: char, output: &mut Output) -> Result<(), Error> {
        let missing = match self.width {
            Some(width) => width.saturating_sub(text.chars().count()),
            None => 0,
        };
        if !self.minus {
            output.fill(fill, missing)?;
        }
        output.push(text)?;
        if self.minus {
            output.fill(fill, missing)?;
        }
        Ok(())
    }
}
