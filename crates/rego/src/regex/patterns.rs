//! Compiled regular expressions, cached during an evaluation.

use std::collections::HashMap;

use regex::{Regex, RegexBuilder};

use super::syntax;
use crate::Error;
use crate::limits::{
    MAX_CACHED_PATTERNS, MAX_COMPILED_BYTES, MAX_PATTERN_BYTES, MAX_SEARCH_COST, MAX_SUBJECT_BYTES,
    check,
};

/// The compiled regular expressions of one evaluation.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    compiled: HashMap<String, Compiled>,
}

#[derive(Debug)]
struct Compiled {
    regex: Regex,
    /// The size limit under which the regular expression was compiled.
    max_bytes: usize,
}

impl Patterns {
    /// Returns a regular expression that searches a text of this length within the limits.
    pub(crate) fn get(&mut self, pattern: &str, subject_bytes: usize) -> Result<Regex, Error> {
        check_pattern(pattern)?;
        check(
            subject_bytes,
            MAX_SUBJECT_BYTES,
            "the length of a text to search in bytes",
        )?;
        let max_bytes = (MAX_SEARCH_COST / subject_bytes.max(1)).min(MAX_COMPILED_BYTES);
        if let Some(known) = self.compiled.get(pattern)
            && known.max_bytes <= max_bytes
        {
            return Ok(known.regex.clone());
        }
        let regex = compile(pattern, max_bytes)?;
        if self.compiled.len() >= MAX_CACHED_PATTERNS {
            self.compiled.clear();
        }
        let compiled = Compiled {
            regex: regex.clone(),
            max_bytes,
        };
        self.compiled.insert(pattern.to_owned(), compiled);
        Ok(regex)
    }
}

/// Checks the length of a regular expression.
pub(super) fn check_pattern(pattern: &str) -> Result<(), Error> {
    check(
        pattern.len(),
        MAX_PATTERN_BYTES,
        "the length of a regular expression in bytes",
    )
}

fn compile(pattern: &str, max_bytes: usize) -> Result<Regex, Error> {
    RegexBuilder::new(&syntax::translate(pattern)?)
        .size_limit(max_bytes)
        .dfa_size_limit(max_bytes)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(max) => Error::TooLarge {
                what: "the size of a compiled regular expression in bytes",
                max,
            },
            error => Error::invalid(error.to_string()),
        })
}
