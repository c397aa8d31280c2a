//! Warnings and audit annotations.

use super::*;

#[test]
fn warnings_are_made_fit_for_a_header() {
    let warning = |warnings: Vec<String>| Response {
        warnings,
        ..reject("no", None)
    };
    let outcome = validates(
        &chain(&[FAIL; 2]),
        &Table::new([
            Ok(warning(vec![
                "a\nb".into(),
                "\u{7}".into(),
                "x".repeat(300),
            ])),
            Ok(warning(vec!["a b".into(), "c".into()])),
        ]),
    );
    let cut = format!("{}…", "x".repeat(255));
    assert_eq!(outcome.answer.unwrap().warnings, ["a b", &cut, "c"]);
}

#[test]
fn all_warnings_together_are_limited_and_the_hosts_own_come_first() {
    let many = Response {
        warnings: (0..100).map(|n| format!("{n:0>256}")).collect(),
        ..accept()
    };
    let outcome = validates(
        &chain(&[FAIL, IGNORE]),
        &Table::new([Ok(many), Err(trap())]),
    );
    let warnings = outcome.answer.unwrap().warnings;
    assert_eq!(warnings[0], "policy `p1` failed and was ignored");
    assert!(warnings.iter().map(|w| w.chars().count()).sum::<usize>() <= 4096);
    assert_eq!(warnings.len(), 16);
}

#[test]
fn audit_annotations_are_named_after_their_policy_and_bad_keys_are_left_out_with_a_note() {
    let annotated = |keys: &[&str]| Response {
        audit_annotations: keys.iter().map(|&key| (key.into(), "v".into())).collect(),
        ..accept()
    };
    let long = "k".repeat(61);
    let table = Table::new([
        Ok(annotated(&["key", "a/b", "", &long])),
        Ok(annotated(&["key"])),
    ]);
    let outcome = validates(&chain(&[FAIL; 2]), &table);
    let notes = &outcome.trace.steps[0].notes;
    assert_eq!(notes.len(), 3);
    assert!(
        notes[1].starts_with("audit annotation `a/b` left out"),
        "{notes:?}"
    );
    let annotations = outcome.answer.unwrap().audit_annotations;
    assert_eq!(
        annotations.into_keys().collect::<Vec<_>>(),
        ["p0.key", "p1.key"]
    );
}

#[test]
fn one_policy_cannot_overwrite_the_annotation_of_another() {
    let annotated = |key: &str, value: &str| Response {
        audit_annotations: [(key.to_owned(), value.to_owned())].into(),
        ..accept()
    };
    let mut policies = chain(&[FAIL; 2]);
    policies[0].name = name("a.b");
    policies[1].name = name("a");
    let table = Table::new([Ok(annotated("c", "1")), Ok(annotated("b.c", "2"))]);
    let outcome = validates(&policies, &table);
    assert_eq!(
        outcome.trace.steps[1].notes,
        ["audit annotation `b.c` left out: another policy states `a.b.c`"]
    );
    assert_eq!(outcome.answer.unwrap().audit_annotations["a.b.c"], "1");
}
