//! The error of a policy that could not decide.

use std::fmt;

/// The error of a policy that could not decide.
///
/// `?` converts every [`std::error::Error`] with its sources; [`Error::new`] takes a message. The
/// host receives it as the `error` of the output and logs it: do not include tokens or other
/// secrets.
///
/// ```
/// use k8s_wasm_sdk::Error;
///
/// fn parse_limit(text: &str) -> Result<u32, Error> {
///     let limit = text.parse().map_err(|error| Error::from(error).context("limit"))?;
///     if limit == 0 {
///         return Err(Error::new("limit: must not be 0"));
///     }
///     Ok(limit)
/// }
///
/// let error = parse_limit("many").unwrap_err();
/// assert_eq!(error.message(), "limit: invalid digit found in string");
/// ```
pub struct Error(String);

impl Error {
    /// Creates an error with a message.
    pub fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string())
    }

    /// Returns the message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0
    }

    /// Adds a prefix that names the failed step: `settings: missing field`.
    #[must_use]
    pub fn context(self, step: impl fmt::Display) -> Self {
        Self(format!("{step}: {}", self.0))
    }
}

/// `Error` itself does not implement [`std::error::Error`], so that all types that do can be
/// converted.
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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_all_sources() {
        let inner = serde_json::from_str::<bool>("1").unwrap_err();
        let expected = format!("outer: {inner}");
        let outer = wire::envelope::output(b"nonsense").unwrap_err();
        assert!(Error::from(outer).message().contains(": expected"));
        assert_eq!(Error::from(inner).context("outer").message(), expected);
    }
}
