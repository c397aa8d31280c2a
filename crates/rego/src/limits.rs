//! The limits of built-in functions.

use crate::Error;

/// Bytes of a text that a function returns.
pub(crate) const MAX_TEXT_BYTES: usize = 4 << 20;

const TEXT: &str = "the length of a text in bytes";

/// Elements of an array that a function returns.
pub(crate) const MAX_ITEMS: usize = 1 << 18;

/// Nesting levels of a value that a function builds: the depth that `serde_json` parses.
pub(crate) const MAX_DEPTH: usize = 127;

/// Bytes of a regular expression.
pub(crate) const MAX_PATTERN_BYTES: usize = 8 << 10;

/// Nested groups in a regular expression; far below the nesting limit of `regex`.
pub(crate) const MAX_PATTERN_GROUPS: usize = 50;

/// Bytes of a text that a regular expression searches.
pub(crate) const MAX_SUBJECT_BYTES: usize = 1 << 20;

/// Bytes of a compiled regular expression that searches a short text.
pub(crate) const MAX_COMPILED_BYTES: usize = 1 << 20;

/// Worst-case cost of one search: bytes of the compiled regular expression times bytes of the text.
pub(crate) const MAX_SEARCH_COST: usize = 1 << 34;

/// Compiled regular expressions that are cached during an evaluation.
pub(crate) const MAX_CACHED_PATTERNS: usize = 64;

/// Bytes that a JSON patch may add to a document by copying, with a fixed cost for each value.
pub(crate) const MAX_PATCH_BYTES: usize = 16 << 20;

/// Checks a quantity against its limit.
pub(crate) fn check(quantity: usize, max: usize, what: &'static str) -> Result<(), Error> {
    if quantity > max {
        return Err(Error::TooLarge { what, max });
    }
    Ok(())
}

/// Checks the number of elements of an array.
pub(crate) fn check_items(count: usize) -> Result<(), Error> {
    check(count, MAX_ITEMS, "the number of elements of an array")
}

/// Checks the length of a text in bytes.
pub(crate) fn check_text(bytes: usize) -> Result<(), Error> {
    check(bytes, MAX_TEXT_BYTES, TEXT)
}

/// Returns the error for a text that is too long.
pub(crate) fn text_too_large() -> Error {
    Error::TooLarge {
        what: TEXT,
        max: MAX_TEXT_BYTES,
    }
}
