//! The effect of a patch as a unified diff of the object in YAML.

use serde_json::Value;
use similar::TextDiff;
use wire::RawValue;

use crate::terminal::{Styles, styled};

/// Returns the lines of a unified diff with three lines of context. Members of objects are in
/// alphabetical order.
pub(super) fn diff_objects(
    before: &RawValue,
    after: &RawValue,
    styles: Styles,
) -> anyhow::Result<Vec<String>> {
    let (before, after) = (to_yaml(before)?, to_yaml(after)?);
    let diff = TextDiff::from_lines(&before, &after);
    let unified = diff.unified_diff().header("before", "after").to_string();
    let lines = unified.lines().map(|line| styled_line(line, styles));
    Ok(lines.collect())
}

fn to_yaml(object: &RawValue) -> anyhow::Result<String> {
    let object: Value = serde_json::from_str(object.get())?;
    // Folding long lines would turn the change of a word into a change of many lines.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    Ok(serde_saphyr::to_string_with_options(&object, options)?)
}

fn styled_line(line: &str, styles: Styles) -> String {
    match line.as_bytes().first() {
        Some(b'+') => styled(line, styles.success),
        Some(b'-') => styled(line, styles.error),
        Some(b'@') => styled(line, styles.hint),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(before: &str, after: &str) -> String {
        let raw = |json: &str| serde_json::from_str::<Box<RawValue>>(json).unwrap();
        diff_objects(&raw(before), &raw(after), Styles::default())
            .unwrap()
            .join("\n")
    }

    #[test]
    fn shows_added_and_removed_members() {
        let diff = diff(
            r#"{"kind":"ConfigMap","metadata":{"name":"a"},"data":{"old":"1"}}"#,
            r#"{"metadata":{"name":"a"},"kind":"ConfigMap","data":{"new":"yes"}}"#,
        );
        let expected = r#"--- before
+++ after
@@ -1,5 +1,5 @@
 data:
-  old: "1"
+  new: "yes"
 kind: ConfigMap
 metadata:
   name: a"#;
        assert_eq!(diff, expected);
    }

    #[test]
    fn keeps_numbers_as_numbers() {
        assert!(
            diff(
                r#"{"a":1.5,"b":12345678901234567890}"#,
                r#"{"a":2,"b":12345678901234567890}"#
            )
            .ends_with("-a: 1.5\n+a: 2\n b: 12345678901234567890")
        );
    }

    #[test]
    fn compares_scripts_line_by_line() {
        let diff = diff(
            r#"{"run.sh":"set -e\necho a\n"}"#,
            r#"{"run.sh":"set -e\necho b\n"}"#,
        );
        assert!(diff.ends_with("   set -e\n-  echo a\n+  echo b"), "{diff}");
    }
}
