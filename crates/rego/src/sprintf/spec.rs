//! How a value is laid out: the flags, width and precision of a verb.

use crate::Error;
use crate::output::Output;

/// The flags, width and precision of a verb.
#[derive(Debug, Default)]
pub(super) struct Spec {
    pub(super) sharp: bool,
    pub(super) zero: bool,
    pub(super) plus: bool,
    pub(super) minus: bool,
    pub(super) space: bool,
    /// `%#v`: as Go would write the value in a program.
    pub(super) go_syntax: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

impl Spec {
    /// Sets a flag; false when the character is none.
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

    /// `v` takes its flags in a sense of its own.
    pub(super) fn for_value_verb(&mut self) {
        self.go_syntax = std::mem::take(&mut self.sharp);
        self.plus = false;
    }

    /// The sign of a number that is not negative.
    pub(super) fn positive_sign(&self) -> &'static str {
        match (self.plus, self.space) {
            (true, _) => "+",
            (false, true) => " ",
            (false, false) => "",
        }
    }

    /// Whether zeros fill the width, which they do on the left only.
    pub(super) fn fills_with_zeros(&self) -> bool {
        self.zero && !self.minus
    }

    /// Writes a text at the side of its width that it belongs to.
    pub(super) fn pad(&self, text: &str, output: &mut Output) -> Result<(), Error> {
        self.pad_with(
            text,
            if self.fills_with_zeros() { '0' } else { ' ' },
            output,
        )
    }

    /// The same for numbers, which have their zeros already.
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
