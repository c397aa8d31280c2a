//! Why a built-in function has no result.

/// Why a built-in function has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operand has the wrong type.
    #[error("operand {position} must be {expected} but is {found}")]
    Operand {
        /// Counted from 1.
        position: usize,
        /// What the function takes.
        expected: &'static str,
        /// What it was given.
        found: &'static str,
    },
    /// The operands have the right types but no result, such as a date that does not exist.
    #[error("{0}")]
    Invalid(String),
    /// The call does not fit the function; OPA's compiler does not write such a call.
    #[error("takes {expected} operands but was given {found}")]
    Arity {
        /// How many the function takes.
        expected: usize,
        /// How many it was given.
        found: usize,
    },
    /// OPA would have a result, but it costs more than is granted here.
    #[error("{what} exceeds the limit of {max}")]
    TooLarge {
        /// What is too large, with its unit.
        what: &'static str,
        /// The most that is granted.
        max: usize,
    },
    /// The deadline of the evaluation passed.
    #[error("the deadline of the evaluation passed")]
    Deadline,
}

impl Error {
    /// Whether OPA has no result either, so that the expression is undefined and evaluation goes on.
    pub fn is_undefined(&self) -> bool {
        matches!(self, Self::Operand { .. } | Self::Invalid(_))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }
}
