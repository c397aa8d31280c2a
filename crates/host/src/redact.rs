//! Reviews and answers with tokens and the data of Secrets taken out: what `debug: true` and the decision log show.
//!
//! Only used where somebody asked for it, so it may parse everything once more.

use serde_json::Value;
use wire::authentication::{TOKEN_POINTER, TOKEN_REQUEST_POINTER};

/// What stands in the place of what is taken out.
pub const REDACTED: &str = "<redacted>";

/// A review as text: without the token of a TokenReview and without the data of a Secret.
pub(crate) fn review(bytes: &[u8]) -> String {
    let Ok(mut review) = serde_json::from_slice::<Value>(bytes) else {
        return format!("<{} bytes that are not JSON>", bytes.len());
    };
    secrets(&mut review);
    review.to_string()
}

/// Takes out tokens, those in objects included, and the data of Secrets; whether there was any.
pub fn secrets(review: &mut Value) -> bool {
    let mut found = take_out(review, TOKEN_POINTER);
    let is_secret = is_secret(review);
    for object in ["/request/object", "/request/oldObject"] {
        let Some(object) = review.pointer_mut(object) else {
            continue;
        };
        // A TokenReview, and the TokenRequest of a service account, may be objects of admission.
        found |= take_out(object, TOKEN_POINTER);
        found |= take_out(object, TOKEN_REQUEST_POINTER);
        if is_secret {
            redact_secret(object);
            found = true;
        }
    }
    found
}

fn take_out(value: &mut Value, pointer: &str) -> bool {
    match value.pointer_mut(pointer) {
        Some(token) => {
            *token = REDACTED.into();
            true
        }
        None => false,
    }
}

/// A module's output as text. A module may repeat its question: the token is taken out wherever it stands. Of what it says
/// on a Secret only the decision is left, since messages, warnings and patches may quote the data.
pub(crate) fn output(review: &[u8], stdout: &[u8]) -> String {
    let size = format!("<{} bytes that are not shown>", stdout.len());
    let (Ok(review), Ok(output)) = (
        serde_json::from_slice::<Value>(review),
        serde_json::from_slice::<Value>(stdout),
    ) else {
        return size;
    };
    if is_about_secrets(&review) {
        let allowed = output
            .pointer("/response/response/allowed")
            .and_then(Value::as_bool);
        return format!("allowed: {allowed:?}, {size}");
    }
    let text = output.to_string();
    match review.pointer(TOKEN_POINTER).and_then(Value::as_str) {
        Some(token) if !token.is_empty() => {
            // As it stands in JSON, where some characters are escaped.
            let quoted = Value::from(token).to_string();
            text.replace(quoted.trim_matches('"'), REDACTED)
        }
        _ => text,
    }
}

/// Whether an object of admission has a secret in it, so that what a policy says may quote one.
fn is_about_secrets(review: &Value) -> bool {
    let word = |pointer| {
        review
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    holds_secrets(
        word("/request/kind/kind"),
        word("/request/resource/resource"),
    )
}

/// Whether objects of a kind or resource have secrets in them.
pub(crate) fn holds_secrets(kind: &str, resource: &str) -> bool {
    matches!(kind, "Secret" | "TokenReview" | "TokenRequest") || resource == "secrets"
}

fn is_secret(review: &Value) -> bool {
    review.pointer("/request/kind/kind").and_then(Value::as_str) == Some("Secret")
        || review
            .pointer("/request/resource/resource")
            .and_then(Value::as_str)
            == Some("secrets")
}

fn redact_secret(object: &mut Value) {
    for map in ["data", "stringData"] {
        if let Some(Value::Object(values)) = object.get_mut(map) {
            values
                .values_mut()
                .for_each(|value| *value = REDACTED.into());
        }
    }
    // kubectl keeps the whole object, data included, in an annotation.
    if let Some(Value::Object(annotations)) = object.pointer_mut("/metadata/annotations") {
        annotations
            .values_mut()
            .for_each(|value| *value = REDACTED.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_out_the_token() {
        let text =
            review(br#"{"kind":"TokenReview","spec":{"token":"hunter2","audiences":["a"]}}"#);
        assert!(
            !text.contains("hunter2") && text.contains("audiences"),
            "{text}"
        );
    }

    /// S7: no token, Secret or whole object in the log.
    #[test]
    fn takes_out_what_a_secret_holds_wherever_it_stands() {
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
        let answer = output(
            body,
            br#"{"response":{"response":{"patch":"aHVudGVyMg==","allowed":true}}}"#,
        );
        assert!(
            !answer.contains("aHVudGVyMg") && answer.contains("allowed"),
            "{answer}"
        );
    }

    /// S7: no token, Secret or whole object in the log.
    #[test]
    fn takes_out_tokens_that_are_objects_of_admission() {
        for body in [
            r#"{"request":{"kind":{"kind":"TokenReview"},"object":{"spec":{"token":"hunter2"}}}}"#,
            r#"{"request":{"kind":{"kind":"TokenRequest"},"oldObject":{"status":{"token":"hunter2"}}}}"#,
        ] {
            let text = review(body.as_bytes());
            assert!(!text.contains("hunter2"), "{text}");
            let answer = output(
                body.as_bytes(),
                br#"{"response":{"response":{"status":{"message":"hunter2"}}}}"#,
            );
            assert!(!answer.contains("hunter2"), "{answer}");
        }
    }

    /// S7: no token, Secret or whole object in the log.
    #[test]
    fn takes_the_token_out_of_an_answer_that_repeats_the_question() {
        let body = br#"{"kind":"TokenReview","spec":{"token":"hun\"ter2"}}"#;
        let answer = br#"{"response":{"spec":{"token":"hun\"ter2"},"status":{"user":{"username":"hun\"ter2!"}}}}"#;
        let text = output(body, answer);
        assert!(!text.contains("ter2") && text.contains("status"), "{text}");
    }

    #[test]
    fn shows_the_size_of_what_is_not_json() {
        assert_eq!(output(b"{}", b"hello"), "<5 bytes that are not shown>");
    }
}
