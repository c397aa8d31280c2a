//! Log entries of policies: `tracing/log`, emitted as events at the target `policy_log`.

use serde::Deserialize;
use serde_json::{Map, Value};
use tracing::{debug, error, info, trace, warn};

/// Bytes of a text; longer texts are cut.
const MAX_TEXT_BYTES: usize = 4 << 10;

#[derive(Deserialize)]
struct Entry {
    level: String,
    message: Option<String>,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

/// Emits a log entry, or reports at level debug that it is malformed. The guest gets no error.
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
    let data = if entry.fields.is_empty() {
        String::new()
    } else {
        bounded(&Value::Object(entry.fields).to_string())
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

/// Escapes control characters and cuts the text to a bounded length, so that a guest can neither
/// forge nor flood lines of the log.
pub(crate) fn bounded(text: &str) -> String {
    let mut bounded = String::with_capacity(text.len().min(MAX_TEXT_BYTES));
    for character in text.chars() {
        if bounded.len() >= MAX_TEXT_BYTES {
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
    use std::fmt;
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing::field::{Field, Visit};
    use tracing::{Event, Level, Subscriber};
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

    use super::*;

    /// A layer that collects the level, the message and the other fields of each event.
    #[derive(Clone, Default)]
    struct Capture(Arc<Mutex<Vec<(Level, String, String)>>>);

    impl<S: Subscriber> Layer<S> for Capture {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut text = Text::default();
            event.record(&mut text);
            let level = *event.metadata().level();
            self.0.lock().push((level, text.message, text.fields));
        }
    }

    #[derive(Default)]
    struct Text {
        message: String,
        fields: String,
    }

    impl Visit for Text {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            if field.name() == "message" {
                self.message = format!("{value:?}");
            } else {
                self.fields.push_str(&format!("{field}={value:?} "));
            }
        }
    }

    fn emitted(payload: &[u8]) -> (Level, String, String) {
        let capture = Capture::default();
        let subscriber = tracing_subscriber::registry().with(capture.clone());
        tracing::subscriber::with_default(subscriber, || emit("p", payload));
        let events = std::mem::take(&mut *capture.0.lock());
        let [event] = <[_; 1]>::try_from(events).unwrap();
        event
    }

    #[test]
    fn keeps_entries_on_one_line_and_short() {
        assert_eq!(bounded("a\nb\u{1b}[31m ü"), "a\\nb\\u{1b}[31m ü");
        let long = bounded(&"ü".repeat(MAX_TEXT_BYTES));
        assert!(
            long.len() <= MAX_TEXT_BYTES + '…'.len_utf8(),
            "{}",
            long.len()
        );
    }

    #[test]
    fn emits_entries_at_their_level() {
        for (level, expected) in [
            ("trace", Level::TRACE),
            ("DEBUG", Level::DEBUG),
            ("info", Level::INFO),
            ("warning", Level::WARN),
            ("error", Level::ERROR),
        ] {
            let entry = serde_json::json!({"level": level, "message": "a\nb", "count": 2});
            let (found, message, fields) = emitted(entry.to_string().as_bytes());
            assert_eq!((found, message.as_str()), (expected, "a\\nb"));
            assert_eq!(fields, r#"policy="p" data="{\"count\":2}" "#);
        }
    }

    #[test]
    fn reports_malformed_entries_at_level_debug() {
        for payload in [&b""[..], b"[]", b"{}", b"{\"level\":1}", b"\xff"] {
            let (level, message, fields) = emitted(payload);
            assert_eq!(
                (level, message.as_str()),
                (Level::DEBUG, "malformed log entry")
            );
            let expected = format!("policy=\"p\" bytes={} error=", payload.len());
            assert!(fields.starts_with(&expected), "{fields}");
        }
    }

    #[test]
    fn emits_entries_of_an_unknown_level_as_warnings() {
        let (level, message, fields) = emitted(br#"{"level":"loud","message":"m"}"#);
        assert_eq!((level, message.as_str()), (Level::WARN, "m"));
        assert_eq!(fields, r#"policy="p" level="loud" data="" "#);
    }
}
