//! The most that one call may use, in one place.

/// Bytes of a text that a function returns.
pub(crate) const TEXT_BYTES_MAX: usize = 4 << 20;

/// Elements of an array that a function returns.
pub(crate) const ITEMS_MAX: usize = 1 << 18;

/// Arrays and objects within each other, in a value that a function builds; what `serde_json` reads back.
pub(crate) const DEPTH_MAX: usize = 127;

/// Bytes of a regular expression.
pub(crate) const PATTERN_BYTES_MAX: usize = 8 << 10;

/// Groups within each other in a regular expression; far from the depth at which `regex` gives up.
pub(crate) const PATTERN_GROUPS_MAX: usize = 50;

/// Bytes of a text that a regular expression searches.
pub(crate) const SUBJECT_BYTES_MAX: usize = 1 << 20;

/// Bytes of a compiled regular expression, when the text it searches is short.
pub(crate) const COMPILED_BYTES_MAX: usize = 1 << 20;

/// Bytes of a compiled regular expression times bytes of the text: what one search costs at worst.
pub(crate) const SEARCH_COST_MAX: usize = 1 << 34;

/// Compiled regular expressions kept within one evaluation.
pub(crate) const PATTERNS_KEPT_MAX: usize = 64;

/// What a JSON patch may add to a document by copying: bytes, with a fixed price per value.
pub(crate) const PATCH_BYTES_MAX: usize = 16 << 20;
