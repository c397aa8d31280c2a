//! Session files out of what a case says of host calls: replaying is how a test is the host.

use std::io::Write as _;

use capabilities::Capabilities;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

/// A session that is replayed as long as it lives.
pub struct Session {
    pub capabilities: Capabilities,
    _file: NamedTempFile,
}

/// One exchange: the tag of the request, its fields, and the payload or the error.
pub type Exchange = (&'static str, Value, Result<String, String>);

impl Session {
    pub fn of(exchanges: &[Exchange]) -> Self {
        let entries: Vec<Value> = exchanges
            .iter()
            .map(|(tag, fields, answer)| {
                // JSON is YAML, so that only the tag has to be written by hand.
                json!({
                    "type": "Exchange",
                    "request": format!("!{tag} {fields}"),
                    "response": match answer {
                        Ok(payload) => json!({"type": "Success", "payload": payload}),
                        Err(message) => json!({"type": "Error", "message": message}),
                    },
                })
            })
            .collect();
        let mut file = NamedTempFile::new().expect("a file");
        write!(file, "{}", Value::from(entries)).expect("a session");
        Self {
            capabilities: Capabilities::replaying(file.path()).expect("a session that can be read"),
            _file: file,
        }
    }

    /// Everything that was recorded was asked for.
    #[track_caller]
    pub fn is_over(&self, what: &str) {
        assert!(
            self.capabilities.leftovers().is_empty(),
            "{what}: calls were left out"
        );
    }
}
