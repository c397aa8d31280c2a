//! Tests of warnings and audit annotations.

use super::*;

#[test]
fn sanitizes_warnings() {
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
    assert_eq!(outcome.response.unwrap().warnings, ["a b", &cut, "c"]);
}

#[test]
fn limits_all_warnings_and_puts_those_of_the_host_first() {
    let many = Response {
        warnings: (0..100).map(|n| format!("{n:0>256}")).collect(),
        ..accept()
    };
    let outcome = validates(
        &chain(&[FAIL, IGNORE]),
        &Table::new([Ok(many), Err(trap())]),
    );
    let warnings = outcome.response.unwrap().warnings;
    assert_eq!(warnings[0], "policy `p1` failed and was ignored");
    assert!(warnings.iter().map(|w| w.chars().count()).sum::<usize>() <= 4096);
    assert_eq!(warnings.len(), 16);
}

#[test]
fn prefixes_audit_annotations_and_drops_invalid_keys_with_a_note() {
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
        notes[1].starts_with("dropped audit annotation `a/b`"),
        "{notes:?}"
    );
    let annotations = outcome.response.unwrap().audit_annotations;
    assert_eq!(
        annotations.into_keys().collect::<Vec<_>>(),
        ["p0.key", "p1.key"]
    );
}

#[test]
fn a_policy_cannot_overwrite_the_annotation_of_another() {
    let annotated = |key: &str, value: &str| Response {
        audit_annotations: [(key.to_owned(), value.to_owned())].into(),
        ..accept()
    };
    let mut policies = chain(&[FAIL; 2]);
    policies[0].policy.name = name("a.b");
    policies[1].policy.name = name("a");
    let table = Table::new([Ok(annotated("c", "1")), Ok(annotated("b.c", "2"))]);
    let outcome = validates(&policies, &table);
    assert_eq!(
        outcome.trace.steps[1].notes,
        ["dropped audit annotation `b.c`: another policy set `a.b.c`"]
    );
    assert_eq!(outcome.response.unwrap().audit_annotations["a.b.c"], "1");
}

#[test]
fn notices_of_monitored_policies_come_last() {
    let noticed = |warning: &str, key: &str, value: &str| Response {
        warnings: vec![warning.to_owned()],
        audit_annotations: [(key.to_owned(), value.to_owned())].into(),
        ..accept()
    };
    let mut policies = chain(&[FAIL; 3]);
    policies[0].policy.name = name("a.b");
    policies[0].policy.mode = Mode::Monitor;
    policies[1].policy.mode = Mode::Monitor;
    policies[2].policy.name = name("a");
    let table = Table::new([
        Ok(noticed("monitored", "c", "1")),
        Err(trap()),
        Ok(noticed("protects", "b.c", "2")),
    ]);
    for outcome in [validates(&policies, &table), mutates(&policies, &table)] {
        assert_eq!(
            outcome.trace.steps[0].notes,
            ["dropped audit annotation `c`: another policy set `a.b.c`"]
        );
        assert!(outcome.trace.steps[2].notes.is_empty());
        let response = outcome.response.unwrap();
        assert_eq!(
            response.warnings,
            [
                "protects",
                "monitored",
                "policy `p1` failed and was ignored"
            ]
        );
        assert_eq!(response.audit_annotations["a.b.c"], "2");
    }
}

#[test]
fn limits_the_notes_on_many_invalid_annotations() {
    let different = (0..4096_u32).filter_map(|n| char::from_u32(0x4e00 + n));
    let mut warnings: Vec<String> = different.map(String::from).collect();
    let last = warnings.last().cloned().unwrap();
    warnings.extend(std::iter::repeat_n(last, 100_000));
    let many = Response {
        warnings,
        audit_annotations: (0..10_000)
            .map(|n| (format!("{n}/"), String::new()))
            .collect(),
        ..accept()
    };
    let outcome = validates(&chain(&[FAIL]), &Table::new([Ok(many)]));
    let notes = &outcome.trace.steps[0].notes;
    assert_eq!(notes.len(), 17);
    assert_eq!(notes[16], "dropped 9984 more audit annotations");
    assert_eq!(outcome.response.unwrap().warnings.len(), 4096);
}
