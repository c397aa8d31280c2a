//! The change that a patch makes, as people read it: a unified diff of the object's YAML.

use serde_json::Value;
use similar::TextDiff;
use wire::RawValue;

use crate::paint::Paint;

/// A unified diff, a line each, with a few lines of context; members are in alphabetical order.
pub(super) fn of_objects(
    before: &RawValue,
    after: &RawValue,
    paint: Paint,
) -> anyhow::Result<Vec<String>> {
    let (before, after) = (yaml(before)?, yaml(after)?);
    let diff = TextDiff::from_lines(&before, &after);
    let unified = diff.unified_diff().header("before", "after").to_string();
    Ok(unified.lines().map(|line| painted(line, paint)).collect())
}

fn yaml(object: &RawValue) -> anyhow::Result<String> {
    let object: Value = serde_json::from_str(object.get())?;
    // Long lines stay lines: folding them would make a change of one word a change of many lines.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    Ok(serde_saphyr::to_string_with_options(&object, options)?)
}

fn painted(line: &str, paint: Paint) -> String {
    match line.as_bytes().first() {
        Some(b'+') => paint.green(line),
        Some(b'-') => paint.red(line),
        Some(b'@') => paint.cyan(line),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(before: &str, after: &str) -> String {
        let raw = |json: &str| serde_json::from_str::<Box<RawValue>>(json).unwrap();
        of_objects(&raw(before), &raw(after), Paint::Plain)
            .unwrap()
            .join("\n")
    }

    #[test]
    fn shows_what_was_added_and_removed() {
        let diff = diff(
            r#"{"kind":"ConfigMap","metadata":{"name":"a"},"data":{"old":"1"}}"#,
            r#"{"metadata":{"name":"a"},"kind":"ConfigMap","data":{"new":"yes"}}"#,
        );
        let expected = "--- before\n+++ after\n@@ -1,5 +1,5 @@\n data:\n-  old: \"1\"\n+  new: \"yes\"\n kind: ConfigMap\n metadata:\n   name: a";
        assert_eq!(diff, expected);
    }

    #[test]
    fn numbers_look_like_numbers() {
        assert!(
            diff(
                r#"{"a":1.5,"b":12345678901234567890}"#,
                r#"{"a":2,"b":12345678901234567890}"#
            )
            .ends_with("-a: 1.5\n+a: 2\n b: 12345678901234567890")
        );
    }

    #[test]
    fn lines_of_a_script_stay_lines() {
        let diff = diff(
            r#"{"run.sh":"set -e\necho a\n"}"#,
            r#"{"run.sh":"set -e\necho b\n"}"#,
        );
        assert!(diff.ends_with("   set -e\n-  echo a\n+  echo b"), "{diff}");
    }
}
