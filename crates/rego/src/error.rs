//! Errors of built-in functions.

/// A built-in function call without a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operand has the wrong type.
    #[error("operand {position} must be {expected} but is {found}")]
    Operand {
        /// The position of the operand, from 1.
        position: usize,
        /// The expected type.
        expected: &'static str,
        /// The type of the operand.
        found: &'static str,
    },
    /// The operands have the right types but no result, such as a date that does not exist.
    #[error("{0}")]
    Invalid(String),
    /// The number of operands is wrong. OPA's compiler does not generate such a call.
    #[error("expected {expected} operands, found {found}")]
    Arity {
        /// The number of operands of the function.
        expected: usize,
        /// The number of operands in the call.
        found: usize,
    },
    /// The call exceeds a limit of this crate. OPA would have a result.
    #[error("{what} exceeds the limit of {max}")]
    TooLarge {
        /// The quantity, with its unit.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// The deadline of the evaluation passed.
    #[error("the deadline of the evaluation passed")]
    Deadline,
}

impl Error {
    /// Returns whether OPA has no result either, so that the expression is undefined and the
    /// evaluation continues.
    ///
    /// ```
    /// let error = rego::Error::Invalid("no such date".into());
    /// assert!(error.is_undefined());
    /// assert!(!rego::Error::Deadline.is_undefined());
    /// ```
    pub fn is_undefined(&self) -> bool {
        matches!(self, Self::Operand { .. } | Self::Invalid(_))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }
}
