//! The header of a configuration file: `apiVersion` and `kind`.

use crate::diagnostics::{ConfigError, ConfigErrors};
use crate::document::{Document, Located};

const API_VERSION: &str = "k8s-wasm/v1alpha1";
const KIND: &str = "Configuration";

/// The members that distinguish kinds of files.
///
/// They are read before the rest, so that the wrong kind of file gets an error that says so.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Header {
    api_version: Option<Located<String>>,
    kind: Option<Located<String>>,
    modules: Option<serde::de::IgnoredAny>,
}

impl Header {
    /// Reads the header of a document.
    ///
    /// # Errors
    /// If the document is not YAML, or its root is not a mapping.
    pub(crate) fn read(document: &Document) -> Result<Self, ConfigErrors> {
        document.parse()
    }

    /// Returns true if the file states its kind. Lists of modules do not.
    pub(crate) fn is_present(&self) -> bool {
        self.api_version.is_some() || self.kind.is_some()
    }

    /// Checks that the file has the kind `Configuration`, in the supported version.
    ///
    /// # Errors
    /// If it has another kind or version. The hint names the flag that reads such a file.
    pub(crate) fn check(&self, document: &Document) -> Result<(), ConfigError> {
        let header = [
            ("apiVersion", self.api_version.as_ref(), API_VERSION),
            ("kind", self.kind.as_ref(), KIND),
        ];
        for (field, written, expected) in header {
            let scope = document.root().field(field);
            let error = match written {
                Some(written) if written.value == expected => continue,
                Some(written) => {
                    let message = format!("is `{}`, expected `{expected}`", written.value);
                    scope.error(written, message)
                }
                None => scope.error_without_position(format!("is missing, expected `{expected}`")),
            };
            return Err(error.with_hint(self.hint().map(str::to_owned)));
        }
        Ok(())
    }

    fn hint(&self) -> Option<&'static str> {
        let kind = self.kind.as_ref().map(|kind| kind.value.as_str());
        if kind == Some("AdmissionConfiguration") {
            Some("`--admission-control-config-file` reads an AdmissionConfiguration")
        } else {
            self.modules.as_ref().map(|_| {
                "`--authentication-wasm-config-file` and `--authorization-wasm-config-file` read \
                 a list of `modules:`"
            })
        }
    }
}
