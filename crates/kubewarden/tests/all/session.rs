//! Session files with the host calls of a case, replayed instead of a cluster.

use std::io::Write as _;

use capabilities::Capabilities;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

/// A session that is replayed while this value exists.
pub struct Session {
    pub capabilities: Capabilities,
    _file: NamedTempFile,
}

/// One exchange: the tag of the request, its fields, and the payload or the error.
pub type Exchange = (&'static str, Value, Result<String, String>);

impl Session {
    pub fn new(exchanges: &[Exchange]) -> Self {
        let entries: Vec<Value> = exchanges
            .iter()
            .map(|(tag, fields, response)| {
                // JSON is YAML, so only the tag has to be added.
                json!({
                    "type": "Exchange",
                    "request": format!("!{tag} {fields}"),
                    "response": match response {
                        Ok(payload) => json!({"type": "Success", "payload": payload}),
                        Err(message) => json!({"type": "Error", "message": message}),
                    },
                })
            })
            .collect();
        let mut file = NamedTempFile::new().unwrap();
        write!(file, "{}", Value::from(entries)).unwrap();
        Self {
            capabilities: Capabilities::replaying(file.path()).unwrap(),
            _file: file,
        }
    }

    /// Asserts that all recorded requests were made.
    #[track_caller]
    pub fn assert_complete(&self, context: &str) {
        let leftovers = self.capabilities.leftovers();
        assert!(leftovers.is_empty(), "{context}: {leftovers:?}");
    }
}
