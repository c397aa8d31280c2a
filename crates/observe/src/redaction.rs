//! What is taken out of reviews before they are written down: secrets always, and whatever else is named.

use host::redact::{self, REDACTED};
use serde_json::Value;

/// Places in reviews that are nobody's business, besides tokens and the data of Secrets.
#[derive(Debug, Clone, Default)]
pub struct Redaction(Vec<Pointer>);

/// A JSON pointer (RFC 6901) in which `*` stands for every member of an object and every element of a list.
#[derive(Debug, Clone)]
struct Pointer(Vec<String>);

/// A text is no JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no JSON pointer: it has to begin with `/`, as `/request/object/spec/containers/*/env` does"
)]
pub struct NoPointer(String);

impl Redaction {
    /// Takes out what these JSON pointers lead to, `*` for every member or element.
    ///
    /// # Errors
    /// The first text that is no pointer.
    pub fn new<'a>(pointers: impl IntoIterator<Item = &'a str>) -> Result<Self, NoPointer> {
        let pointers = pointers.into_iter().map(|text| {
            let segments = text
                .strip_prefix('/')
                .ok_or_else(|| NoPointer(text.to_owned()))?;
            let unescaped = |segment: &str| segment.replace("~1", "/").replace("~0", "~");
            Ok(Pointer(segments.split('/').map(unescaped).collect()))
        });
        pointers.collect::<Result<_, _>>().map(Self)
    }

    /// The review without all that; and whether anything was taken out. Nothing of what is no JSON.
    #[must_use]
    pub(crate) fn apply(&self, review: &[u8]) -> (Value, bool) {
        let Ok(mut review) = serde_json::from_slice(review) else {
            return (Value::Null, true);
        };
        let mut found = redact::secrets(&mut review);
        for Pointer(segments) in &self.0 {
            found |= take_out(&mut review, segments);
        }
        (review, found)
    }
}

fn take_out(value: &mut Value, segments: &[String]) -> bool {
    let Some((segment, rest)) = segments.split_first() else {
        empty(value);
        return true;
    };
    let mut found = false;
    match value {
        Value::Object(members) if segment == "*" => {
            for member in members.values_mut() {
                found |= take_out(member, rest);
            }
        }
        Value::Array(elements) if segment == "*" => {
            for element in elements {
                found |= take_out(element, rest);
            }
        }
        Value::Object(members) => {
            if let Some(member) = members.get_mut(segment) {
                found = take_out(member, rest);
            }
        }
        Value::Array(elements) => {
            let index = segment.parse::<usize>().ok();
            if let Some(element) = index.and_then(|index| elements.get_mut(index)) {
                found = take_out(element, rest);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found
}

/// Leaves the shape, so that a policy can still be asked about it.
fn empty(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(empty),
        Value::Array(elements) => elements.iter_mut().for_each(empty),
        Value::String(text) => REDACTED.clone_into(text),
        Value::Number(number) => *number = 0.into(),
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redacted(pointer: &str, review: &Value) -> (Value, bool) {
        let redaction = Redaction::new([pointer]).unwrap();
        redaction.apply(review.to_string().as_bytes())
    }

    #[test]
    fn takes_out_every_text_below_a_pointer_and_leaves_the_shape() {
        let review = json!({"request": {"object": {"a/b": [{"env": {"k": "v", "n": 7, "on": true}}, {"env": "w"}]}}});
        let (review, found) = redacted("/request/object/a~1b/*/env", &review);
        assert!(found);
        assert_eq!(
            review.pointer("/request/object/a~1b"),
            Some(&json!([{"env": {"k": REDACTED, "n": 0, "on": true}}, {"env": REDACTED}]))
        );
    }

    #[test]
    fn says_when_there_was_nothing_to_take_out() {
        let review = json!({"request": {"object": {"spec": [1]}}});
        for elsewhere in [
            "/request/object/spec/1",
            "/request/name",
            "/x/*/y",
            "/request/object/spec/0/z",
        ] {
            assert_eq!(
                redacted(elsewhere, &review),
                (review.clone(), false),
                "{elsewhere}"
            );
        }
    }

    #[test]
    fn secrets_are_taken_out_without_being_named() {
        let (review, found) = redacted(
            "/x",
            &json!({"kind": "TokenReview", "spec": {"token": "hunter2"}}),
        );
        assert!(found && !review.to_string().contains("hunter2"), "{review}");
    }

    #[test]
    fn refuses_what_is_no_pointer() {
        assert_eq!(
            Redaction::new(["/a", "request.object"]).unwrap_err(),
            NoPointer("request.object".to_owned())
        );
    }
}
