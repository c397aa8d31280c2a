//! What policies log: `tracing/log`, as events at the target `policy_log`.

use serde::Deserialize;
use serde_json::{Map, Value};
use tracing::{debug, error, info, trace, warn};

/// Longer texts are cut.
const TEXT_BYTES_MAX: usize = 4 << 10;

#[derive(Deserialize)]
struct Entry {
    level: String,
    message: Option<String>,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

/// Emits the entry, or a warning that it is malformed: the guest is not told either way.
pub(crate) fn emit(policy: &str, payload: &[u8]) {
    let entry: Entry = match serde_json::from_slice(payload) {
        Ok(entry) => entry,
        Err(error) => {
            let bytes = payload.len();
            let error = bounded(&error.to_string());
            debug!(target: "policy_log", policy, bytes, error, "malformed log entry");
            return;
        }
    };
    let message = bounded(entry.message.as_deref().unwrap_or_default());
    let data = match entry.fields.is_empty() {
        true => String::new(),
        false => bounded(&Value::Object(entry.fields).to_string()),
    };
    match entry.level.to_ascii_lowercase().as_str() {
        "trace" => trace!(target: "policy_log", policy, data, "{message}"),
        "debug" => debug!(target: "policy_log", policy, data, "{message}"),
        "info" => info!(target: "policy_log", policy, data, "{message}"),
        "warning" | "warn" => warn!(target: "policy_log", policy, data, "{message}"),
        "error" => error!(target: "policy_log", policy, data, "{message}"),
        other => {
            let level = bounded(other);
            warn!(target: "policy_log", policy, level, data, "{message}");
        }
    }
}

/// The text on one line and not too long, so that a guest can neither forge nor flood lines of the log.
pub(crate) fn bounded(text: &str) -> String {
    let mut bounded = String::with_capacity(text.len().min(TEXT_BYTES_MAX));
    for character in text.chars() {
        if bounded.len() >= TEXT_BYTES_MAX {
            bounded.push('…');
            break;
        }
        if character.is_control() {
            bounded.extend(character.escape_default());
        } else {
            bounded.push(character);
        }
    }
    bounded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_entries_on_one_line_and_short() {
        assert_eq!(bounded("a\nb\u{1b}[31m ü"), "a\\nb\\u{1b}[31m ü");
        let long = bounded(&"ü".repeat(TEXT_BYTES_MAX));
        assert!(
            long.len() <= TEXT_BYTES_MAX + '…'.len_utf8(),
            "{}",
            long.len()
        );
    }

    #[test]
    fn bears_malformed_entries() {
        for payload in [
            &b""[..],
            b"[]",
            b"{}",
            b"{\"level\":1}",
            b"\xff",
            b"{\"level\":\"loud\"}",
        ] {
            emit("policy", payload);
        }
    }
}
