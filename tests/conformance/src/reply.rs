//! The response of the API server, and the checks that stories make on it.

use std::fmt;

use serde_json::Value;

/// A response with its caller and request, so that a failed check can show all of them.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The name of the caller.
    pub caller: String,
    /// A description of the request.
    pub request: String,
    /// The HTTP status code.
    pub code: u16,
    /// The texts of the `Warning` headers.
    pub warnings: Vec<String>,
    /// An object, a `Status`, or a text.
    pub body: Value,
}

impl Reply {
    /// Returns whether the API server carried out the request.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// Returns the message of a `Status`, or the text; empty for objects.
    #[must_use]
    pub fn message(&self) -> &str {
        let message = self.body.get("message").unwrap_or(&self.body);
        message.as_str().unwrap_or_default()
    }

    /// Returns whether the authorizers allowed the request; it may have failed later.
    #[must_use]
    pub fn is_authorized(&self) -> bool {
        !(self.code == 401 || self.code >= 500 || self.is_forbidden())
    }

    /// Returns whether the authorizers denied the request. A rejection at admission is also a 403,
    /// with another message.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.code == 403
            && self.body["reason"] == "Forbidden"
            && self.message().contains(" cannot ")
    }

    /// Returns whether an admission policy rejected the object.
    #[must_use]
    pub fn is_rejection(&self) -> bool {
        (400..500).contains(&self.code) && self.message().contains("denied the request")
    }

    /// Returns whether the admission policies made no decision, or could not be reached.
    #[must_use]
    pub fn is_admission_failure(&self) -> bool {
        let messages = [
            "failed calling webhook",
            r#"admission plugin "WASM" did not decide"#,
        ];
        self.code == 500 && messages.iter().any(|text| self.message().contains(text))
    }

    /// Returns the reply if `condition` holds.
    ///
    /// # Panics
    /// Panics if it does not.
    #[must_use]
    pub(crate) fn expect(self, condition: bool, expected: &str) -> Self {
        assert!(condition, "expected: {expected}\n{self}");
        self
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Bodies can have a megabyte.
        const MAX_BODY_CHARS: usize = 2_000;
        let body: String = self.body.to_string().chars().take(MAX_BODY_CHARS).collect();
        writeln!(f, "  caller:   {}", self.caller)?;
        writeln!(f, "  request:  {}", self.request)?;
        writeln!(f, "  response: {} {body}", self.code)?;
        write!(f, "  warnings: {:?}", self.warnings)
    }
}

/// A request that was not carried out, as expected.
#[derive(Debug)]
pub struct Refusal(pub(crate) Reply);

impl Refusal {
    /// Requires that the message contains `reason`.
    ///
    /// # Panics
    /// Panics if it does not.
    pub fn because(self, reason: &str) -> Self {
        let is_reason = self.0.message().contains(reason);
        Self(
            self.0
                .expect(is_reason, &format!("a message with `{reason}`")),
        )
    }
}

/// An accepted object, as the API server returned it.
#[derive(Debug)]
pub struct Accepted(pub(crate) Reply);

impl Accepted {
    /// Requires that the object has `value` at `pointer`, a JSON pointer such as
    /// `/data/magic-value`.
    ///
    /// # Panics
    /// Panics if it does not.
    pub fn with(self, pointer: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let has_value = self.0.body.pointer(pointer) == Some(&value);
        Self(self.0.expect(has_value, &format!("`{pointer}` is {value}")))
    }

    /// Requires that the object has no value at `pointer`.
    ///
    /// # Panics
    /// Panics if it has one.
    pub fn without(self, pointer: &str) -> Self {
        let is_absent = self.0.body.pointer(pointer).is_none();
        Self(self.0.expect(is_absent, &format!("nothing at `{pointer}`")))
    }

    /// Requires a warning that contains `text`.
    ///
    /// # Panics
    /// Panics if there is none.
    pub fn warning(self, text: &str) -> Self {
        let has_warning = self.0.warnings.iter().any(|warning| warning.contains(text));
        Self(
            self.0
                .expect(has_warning, &format!("a warning with `{text}`")),
        )
    }

    /// Requires that there are no warnings.
    ///
    /// # Panics
    /// Panics if there is one.
    pub fn no_warning(self) -> Self {
        let has_none = self.0.warnings.is_empty();
        Self(self.0.expect(has_none, "no warning"))
    }

    /// Returns the object.
    #[must_use]
    pub fn object(&self) -> &Value {
        &self.0.body
    }
}
