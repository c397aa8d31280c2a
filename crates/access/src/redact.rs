//! Redaction of reviews and module output for logs: tokens and the data of Secrets are removed.
//!
//! Redaction parses the JSON again. It runs only for `debug: true` and for the decision log.

use serde_json::Value;

/// The replacement for redacted text.
pub const REDACTED: &str = "<redacted>";

/// Fields of reviews to redact in addition to tokens and the data of Secrets.
///
/// ```
/// use access::redact::Redaction;
///
/// let redaction = Redaction::new(["/request/object/spec/containers/*/env"])?;
/// let review = br#"{"request":{"object":{"spec":{"containers":[{"env":[{"value":"x"}]}]}}}}"#;
/// let (review, is_redacted) = redaction.apply(review);
/// assert!(is_redacted);
/// assert_eq!(
///     review.pointer("/request/object/spec/containers/0/env/0/value"),
///     Some(&"<redacted>".into())
/// );
/// # Ok::<(), access::redact::InvalidPointer>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Redaction(Vec<Pointer>);

/// The segments of a JSON Pointer (RFC 6901). The segment `*` matches every member of an object and
/// every element of an array.
#[derive(Debug, Clone)]
struct Pointer(Vec<String>);

/// A text that is not a JSON Pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a JSON Pointer: it must begin with `/`, such as `/request/object/spec/containers/*/env`"
)]
pub struct InvalidPointer(String);

impl Redaction {
    /// Creates a redaction of the fields that these JSON Pointers select. The segment `*` matches
    /// every member of an object and every element of an array.
    ///
    /// # Errors
    /// Returns the first text that does not begin with `/`.
    pub fn new<'a>(pointers: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidPointer> {
        let pointers = pointers.into_iter().map(|text| {
            let segments = text
                .strip_prefix('/')
                .ok_or_else(|| InvalidPointer(text.to_owned()))?;
            let unescape = |segment: &str| segment.replace("~1", "/").replace("~0", "~");
            Ok(Pointer(segments.split('/').map(unescape).collect()))
        });
        pointers.collect::<Result<_, _>>().map(Self)
    }

    /// Returns the redacted review, and true if anything was redacted. Input that is not JSON is
    /// redacted as a whole, to `null`.
    #[must_use]
    pub fn apply(&self, review: &[u8]) -> (Value, bool) {
        let Ok(mut review) = serde_json::from_slice(review) else {
            return (Value::Null, true);
        };
        let mut found = redact_secrets(&mut review);
        for Pointer(segments) in &self.0 {
            found |= redact_selected(&mut review, segments);
        }
        (review, found)
    }
}

/// Redacts the values that a pointer selects. Returns true if it selects any.
fn redact_selected(value: &mut Value, segments: &[String]) -> bool {
    let Some((segment, rest)) = segments.split_first() else {
        clear(value);
        return true;
    };
    let mut found = false;
    match value {
        Value::Object(members) if segment == "*" => {
            for member in members.values_mut() {
                found |= redact_selected(member, rest);
            }
        }
        Value::Array(elements) if segment == "*" => {
            for element in elements {
                found |= redact_selected(element, rest);
            }
        }
        Value::Object(members) => {
            if let Some(member) = members.get_mut(segment) {
                found = redact_selected(member, rest);
            }
        }
        Value::Array(elements) => {
            let index = segment.parse::<usize>().ok();
            if let Some(element) = index.and_then(|index| elements.get_mut(index)) {
                found = redact_selected(element, rest);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found
}

/// Clears strings and numbers but keeps the structure, so that policies can evaluate the review
/// again.
fn clear(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(clear),
        Value::Array(elements) => elements.iter_mut().for_each(clear),
        Value::String(text) => REDACTED.clone_into(text),
        Value::Number(number) => *number = 0.into(),
        Value::Null | Value::Bool(_) => {}
    }
}

/// Returns a review as text, without the token of a TokenReview and without the data of a Secret.
#[must_use]
pub fn review(bytes: &[u8]) -> String {
    let Ok(mut review) = serde_json::from_slice::<Value>(bytes) else {
        return format!("<{} bytes that are not JSON>", bytes.len());
    };
    redact_secrets(&mut review);
    review.to_string()
}

/// Returns the output of a module as text.
///
/// A module may repeat the review, so the token is redacted wherever it occurs. Messages, warnings
/// and patches may quote the data of a Secret, so the output for a Secret is reduced to the
/// decision.
#[must_use]
pub fn output(review: &[u8], stdout: &[u8]) -> String {
    let size = format!("<{} bytes not shown>", stdout.len());
    let (Ok(review), Ok(output)) = (
        serde_json::from_slice::<Value>(review),
        serde_json::from_slice::<Value>(stdout),
    ) else {
        return size;
    };
    let kind = text_at(&review, "/request/kind/kind");
    if holds_secrets(kind, text_at(&review, "/request/resource/resource")) {
        let allowed = output
            .pointer("/response/response/allowed")
            .and_then(Value::as_bool);
        return format!("allowed: {allowed:?}, {size}");
    }
    let text = output.to_string();
    match text_at(&review, "/spec/token") {
        "" => text,
        token => {
            // The token as JSON writes it, with some characters escaped.
            let quoted = Value::from(token).to_string();
            text.replace(quoted.trim_matches('"'), REDACTED)
        }
    }
}

/// Returns true if objects of this kind or resource contain secrets.
#[must_use]
pub fn holds_secrets(kind: &str, resource: &str) -> bool {
    matches!(kind, "Secret" | "TokenReview" | "TokenRequest") || resource == "secrets"
}

/// Redacts tokens, including those in objects, and the data of Secrets. Returns true if there were
/// any.
fn redact_secrets(review: &mut Value) -> bool {
    let mut found = redact_at(review, "/spec/token");
    let is_secret = text_at(review, "/request/kind/kind") == "Secret"
        || text_at(review, "/request/resource/resource") == "secrets";
    for object in ["/request/object", "/request/oldObject"] {
        let Some(object) = review.pointer_mut(object) else {
            continue;
        };
        // A TokenReview, or the TokenRequest of a service account, can be the object of admission.
        found |= redact_at(object, "/spec/token");
        found |= redact_at(object, "/status/token");
        if is_secret {
            redact_secret(object);
            found = true;
        }
    }
    found
}

fn redact_at(value: &mut Value, pointer: &str) -> bool {
    let Some(token) = value.pointer_mut(pointer) else {
        return false;
    };
    *token = REDACTED.into();
    true
}

fn redact_secret(object: &mut Value) {
    // kubectl stores the whole object, including its data, in an annotation.
    for map in ["/data", "/stringData", "/metadata/annotations"] {
        if let Some(Value::Object(values)) = object.pointer_mut(map) {
            values
                .values_mut()
                .for_each(|value| *value = REDACTED.into());
        }
    }
}

fn text_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer);
    found.and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn redacts_the_token_of_a_token_review() {
        let text =
            review(br#"{"kind":"TokenReview","spec":{"token":"hunter2","audiences":["a"]}}"#);
        assert!(
            !text.contains("hunter2") && text.contains("audiences"),
            "{text}"
        );
    }

    /// S7: no token, Secret or whole object in the log.
    #[test]
    fn redacts_the_data_of_secrets_everywhere() {
        let body = br#"{"request":{"kind":{"kind":"Secret"},
            "object":{"data":{"k":"aHVudGVyMg=="},"stringData":{"k":"hunter2"},
                "metadata":{"name":"s","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"hunter2"}}},
            "oldObject":{"data":{"k":"aHVudGVyMg=="}}}}"#;
        let text = review(body);
        assert!(
            !text.contains("hunter2") && !text.contains("aHVudGVyMg"),
            "{text}"
        );
        assert!(text.contains("\"name\":\"s\""), "{text}");
        let response = output(
            body,
            br#"{"response":{"response":{"patch":"aHVudGVyMg==","allowed":true}}}"#,
        );
        assert!(
            !response.contains("aHVudGVyMg") && response.contains("allowed"),
            "{response}"
        );
    }

    /// S7: no token, Secret or whole object in the log.
    #[test]
    fn redacts_tokens_in_objects_of_admission() {
        for body in [
            r#"{"request":{"kind":{"kind":"TokenReview"},"object":{"spec":{"token":"hunter2"}}}}"#,
            r#"{"request":{"kind":{"kind":"TokenRequest"},"oldObject":{"status":{"token":"hunter2"}}}}"#,
        ] {
            let text = review(body.as_bytes());
            assert!(!text.contains("hunter2"), "{text}");
            let response = output(
                body.as_bytes(),
                br#"{"response":{"response":{"status":{"message":"hunter2"}}}}"#,
            );
            assert!(!response.contains("hunter2"), "{response}");
        }
    }

    /// S7: no token, Secret or whole object in the log.
    #[test]
    fn redacts_the_token_in_output_that_repeats_the_review() {
        let body = br#"{"kind":"TokenReview","spec":{"token":"hun\"ter2"}}"#;
        let response = br#"{"response":{"spec":{"token":"hun\"ter2"},"status":{"user":{"username":"hun\"ter2!"}}}}"#;
        let text = output(body, response);
        assert!(!text.contains("ter2") && text.contains("status"), "{text}");
    }

    #[test]
    fn replaces_output_that_is_not_json_with_its_size() {
        assert_eq!(output(b"{}", b"hello"), "<5 bytes not shown>");
    }

    fn apply(pointer: &str, review: &Value) -> (Value, bool) {
        let redaction = Redaction::new([pointer]).unwrap();
        redaction.apply(review.to_string().as_bytes())
    }

    #[test]
    fn redacts_selected_values_and_keeps_their_structure() {
        let review = json!({"request": {"object": {"a/b": [{"env": {"k": "v", "n": 7, "on": true}}, {"env": "w"}]}}});
        let (review, found) = apply("/request/object/a~1b/*/env", &review);
        assert!(found);
        assert_eq!(
            review.pointer("/request/object/a~1b"),
            Some(&json!([{"env": {"k": REDACTED, "n": 0, "on": true}}, {"env": REDACTED}]))
        );
    }

    #[test]
    fn leaves_a_review_without_selected_fields_as_it_is() {
        let review = json!({"request": {"object": {"spec": [1]}}});
        for elsewhere in [
            "/request/object/spec/1",
            "/request/name",
            "/x/*/y",
            "/request/object/spec/0/z",
        ] {
            assert_eq!(
                apply(elsewhere, &review),
                (review.clone(), false),
                "{elsewhere}"
            );
        }
    }

    #[test]
    fn redacts_secrets_that_no_pointer_selects() {
        let (review, found) = apply(
            "/x",
            &json!({"kind": "TokenReview", "spec": {"token": "hunter2"}}),
        );
        assert!(found && !review.to_string().contains("hunter2"), "{review}");
    }

    #[test]
    fn rejects_text_that_is_not_a_pointer() {
        assert_eq!(
            Redaction::new(["/a", "request.object"]).unwrap_err(),
            InvalidPointer("request.object".to_owned())
        );
    }
}
