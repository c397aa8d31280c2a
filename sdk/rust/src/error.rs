//! Why a policy could not decide.

use std::fmt;

/// A policy could not decide.
///
/// Made from every [`std::error::Error`] by `?`, together with what caused it, and from a text by [`Error::new`].
/// It reaches the host as the `error` of the output. Keep tokens and other secrets out of it.
pub struct Error(String);

impl Error {
    /// An error that says `message`.
    pub fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string())
    }

    /// What went wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0
    }

    /// Puts what was being done before what went wrong: `settings: missing field`.
    #[must_use]
    pub fn context(self, doing: impl fmt::Display) -> Self {
        Self(format!("{doing}: {}", self.0))
    }
}

/// `Error` itself is no [`std::error::Error`], so that this can hold for all that are.
impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self(message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_whole_chain_of_causes() {
        let broken = serde_json::from_str::<bool>("1").unwrap_err();
        let expected = format!("outer: {broken}");
        let outer = wire::envelope::output(b"nonsense").unwrap_err();
        assert!(Error::from(outer).message().contains(": expected"));
        assert_eq!(Error::from(broken).context("outer").message(), expected);
    }
}
