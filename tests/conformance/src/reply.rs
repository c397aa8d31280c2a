//! What the API server answered, and what a story may say about it.

use std::fmt;

use serde_json::Value;

/// An answer, together with who asked what: a verb that fails says all of it.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Who asked.
    pub caller: String,
    /// What was asked.
    pub request: String,
    /// The HTTP status code.
    pub code: u16,
    /// The texts of the `Warning` headers.
    pub warnings: Vec<String>,
    /// The object, a `Status`, or a text.
    pub body: Value,
}

impl Reply {
    /// Whether the request was carried out.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// The message of a `Status`, or the text; empty for objects.
    #[must_use]
    pub fn message(&self) -> &str {
        let message = self.body.get("message").unwrap_or(&self.body);
        message.as_str().unwrap_or_default()
    }

    /// Whether the authorizers let the request through; what became of it later is another question.
    #[must_use]
    pub fn is_authorized(&self) -> bool {
        !(self.code == 401 || self.code >= 500 || self.is_forbidden())
    }

    /// Whether the authorizers said no. A rejection at admission is a 403 too, but reads differently.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.code == 403
            && self.body["reason"] == "Forbidden"
            && self.message().contains(" cannot ")
    }

    /// Whether a policy of admission rejected the object.
    #[must_use]
    pub fn is_rejection(&self) -> bool {
        (400..500).contains(&self.code) && self.message().contains("denied the request")
    }

    /// Whether the policies of admission did not decide, or could not be asked.
    #[must_use]
    pub fn is_admission_failure(&self) -> bool {
        let said = [
            "failed calling webhook",
            r#"admission plugin "WASM" did not decide"#,
        ];
        self.code == 500 && said.iter().any(|said| self.message().contains(said))
    }

    /// The same reply, when `condition` holds.
    ///
    /// # Panics
    /// It does not.
    #[must_use]
    pub(crate) fn expect(self, condition: bool, expected: &str) -> Self {
        assert!(condition, "expected: {expected}\n{self}");
        self
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// A ConfigMap of a megabyte helps nobody.
        const BODY_CHARS_MAX: usize = 2_000;
        let body: String = self.body.to_string().chars().take(BODY_CHARS_MAX).collect();
        writeln!(formatter, "  who asked: {}", self.caller)?;
        writeln!(formatter, "  what:      {}", self.request)?;
        writeln!(formatter, "  answer:    {} {body}", self.code)?;
        write!(formatter, "  warnings:  {:?}", self.warnings)
    }
}

/// A request that was not carried out, as expected.
#[derive(Debug)]
pub struct Refusal(pub(crate) Reply);

impl Refusal {
    /// The message says `reason`.
    ///
    /// # Panics
    /// It does not.
    pub fn because(self, reason: &str) -> Self {
        let says_so = self.0.message().contains(reason);
        Self(
            self.0
                .expect(says_so, &format!("a message with `{reason}`")),
        )
    }
}

/// An object that was accepted, as it came back.
#[derive(Debug)]
pub struct Accepted(pub(crate) Reply);

impl Accepted {
    /// The object has `value` at `pointer`, a JSON pointer such as `/data/magic-value`.
    ///
    /// # Panics
    /// It does not.
    pub fn with(self, pointer: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let has = self.0.body.pointer(pointer) == Some(&value);
        Self(self.0.expect(has, &format!("`{pointer}` is {value}")))
    }

    /// The object has nothing at `pointer`.
    ///
    /// # Panics
    /// It has.
    pub fn without(self, pointer: &str) -> Self {
        let has_not = self.0.body.pointer(pointer).is_none();
        Self(self.0.expect(has_not, &format!("nothing at `{pointer}`")))
    }

    /// The client was warned with a text that contains `text`.
    ///
    /// # Panics
    /// It was not.
    pub fn warning(self, text: &str) -> Self {
        let warned = self.0.warnings.iter().any(|warning| warning.contains(text));
        Self(self.0.expect(warned, &format!("a warning with `{text}`")))
    }

    /// The client was not warned.
    ///
    /// # Panics
    /// It was.
    pub fn no_warning(self) -> Self {
        let silent = self.0.warnings.is_empty();
        Self(self.0.expect(silent, "no warning"))
    }

    /// The object.
    #[must_use]
    pub fn object(&self) -> &Value {
        &self.0.body
    }
}
