//! Comparison with recorded results of OPA, and arbitrary calls.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may panic"
)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use rego::{Context, Error};
use serde_json::{Map, Value};

/// Calls and their results, recorded by `go run . -record` in `tests/policies/rego`.
const CALLS: &str = include_str!("data/opa.json");

/// Functions that return YAML, which is compared by value.
const RETURNS_YAML: [&str; 1] = ["yaml.marshal"];

/// 2024-02-29T12:34:56.789Z
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_709_210_096_789)
}

fn call(name: &str, args: &[Value]) -> Result<Value, Error> {
    let builtin = rego::find(name).unwrap_or_else(|| panic!("no function {name}"));
    builtin.call(args, &mut Context::new(now()))
}

/// Compares two values. Numbers are compared by value: OPA returns 1.0 after computing with
/// fractions.
fn is_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || left.as_f64() == right.as_f64()
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(a, b)| is_equal(a, b))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(name, a)| right.get(name).is_some_and(|b| is_equal(a, b)))
        }
        _ => left == right,
    }
}

fn agrees(name: &str, found: &Result<Value, Error>, expected: Option<&Value>) -> bool {
    match (found, expected) {
        (Ok(found), Some(expected)) if RETURNS_YAML.contains(&name) => {
            let read = |text: &Value| call("yaml.unmarshal", std::slice::from_ref(text));
            is_equal(&read(found).unwrap(), &read(expected).unwrap())
        }
        (Ok(found), Some(expected)) => is_equal(found, expected),
        (Err(error), None) => error.is_undefined(),
        _ => false,
    }
}

#[test]
fn returns_the_results_of_opa() {
    let calls: Vec<Map<String, Value>> = serde_json::from_str(CALLS).unwrap();
    let mut differences = Vec::new();
    for one in &calls {
        let name = one["builtin"].as_str().unwrap();
        let found = call(name, one["args"].as_array().unwrap());
        if !agrees(name, &found, one.get("result")) {
            let expected = one.get("result").or_else(|| one.get("error"));
            differences.push(format!(
                "{name}{}: {found:?}, OPA: {expected:?}",
                one["args"]
            ));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {}:\n{}",
        differences.len(),
        calls.len(),
        differences.join("\n")
    );
}

#[test]
fn has_no_duplicate_names() {
    let mut names: Vec<_> = rego::all().map(|builtin| builtin.name()).collect();
    names.sort_unstable();
    names
        .windows(2)
        .for_each(|pair| assert_ne!(pair[0], pair[1]));
    assert!(rego::find("http.send").is_none());
    assert_eq!(
        rego::find("sprintf").map(|builtin| builtin.arity()),
        Some(2)
    );
}

#[test]
fn has_results_of_opa_for_each_function() {
    let kubewarden_names = ["date", "parse_rfc3339_ns"];
    for builtin in rego::all().filter(|builtin| !kubewarden_names.contains(&builtin.name())) {
        let call = format!(r#""builtin":"{}""#, builtin.name());
        assert!(CALLS.contains(&call), "no call of {}", builtin.name());
    }
}

#[test]
fn has_two_functions_under_their_names_in_kubewarden() {
    let text = Value::from("2024-02-29T00:00:00Z");
    let time = call("parse_rfc3339_ns", &[text]).unwrap();
    assert_eq!(
        call("date", &[time]).unwrap(),
        serde_json::json!([2024, 2, 29])
    );
}

#[test]
fn rejects_a_wrong_number_of_operands_as_an_error() {
    let error = call("sprintf", &[Value::Null]).unwrap_err();
    assert!(!error.is_undefined());
}

#[test]
fn limits_the_length_of_a_text() {
    let error = call("sprintf", &["%9999999d".into(), vec![1].into()]).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-40_i64..40).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
        "(%[-+# 0]{0,2}[0-9*]{0,3}(\\.[0-9*]{0,3})?[a-zA-Z%]){0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z/~]{0,3}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Generates a recorded call with some of its operands replaced: by operands of other calls of the
/// same function, which have the right type, or by any JSON.
fn any_call() -> impl Strategy<Value = (String, Vec<Value>)> {
    let calls: Vec<(String, Vec<Value>)> = serde_json::from_str::<Vec<Map<String, Value>>>(CALLS)
        .unwrap()
        .iter()
        .map(|call| {
            let name = call["builtin"].as_str().unwrap();
            (name.to_owned(), call["args"].as_array().unwrap().clone())
        })
        .collect();
    let all = calls.clone();
    prop::sample::select(calls).prop_flat_map(move |(name, args)| {
        let operands: Vec<_> = (0..args.len())
            .map(|index| {
                let others = all.iter().filter(|(other, _)| *other == name);
                let others: Vec<Value> = others.map(|(_, args)| args[index].clone()).collect();
                prop_oneof![
                    2 => Just(args[index].clone()),
                    2 => prop::sample::select(others),
                    1 => any_json(),
                ]
            })
            .collect();
        (Just(name), operands)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4096) })]

    #[test]
    fn never_panics_on_modified_calls((name, args) in any_call()) {
        let _ = call(&name, &args);
    }

    #[test]
    fn never_panics_on_operands_of_any_type(operands in prop::collection::vec(any_json(), 4)) {
        for builtin in rego::all() {
            let args = &operands[..builtin.arity()];
            let _ = builtin.call(args, &mut Context::new(now()));
        }
    }
}
