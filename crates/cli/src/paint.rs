//! Colours, on terminals only.

use std::io::IsTerminal;

use crate::env;

/// Colours text, or leaves it as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Paint {
    /// With ANSI escapes.
    Colour,
    /// As it is.
    Plain,
}

impl Paint {
    /// Coloured when the stream is a terminal and the user has not asked for `NO_COLOR`.
    pub(crate) fn of(stream: &impl IsTerminal) -> Self {
        if stream.is_terminal() && !env::no_color() {
            Self::Colour
        } else {
            Self::Plain
        }
    }

    /// Whether colours are used.
    pub(crate) fn is_coloured(self) -> bool {
        matches!(self, Self::Colour)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.wrap("31", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.wrap("33", text)
    }

    pub(crate) fn cyan(self, text: &str) -> String {
        self.wrap("36", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        match self {
            Self::Colour => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Plain => text.to_owned(),
        }
    }
}
