//! Puts calls of built-in functions to this crate that OPA has answered before, and arbitrary ones.
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

/// Filled in by `go run . -answer` in tests/policies/rego.
const CALLS: &str = include_str!("data/opa.json");

/// Functions that print YAML, of which there are many equal ways to write the same.
const PRINTS_YAML: [&str; 1] = ["yaml.marshal"];

/// 2024-02-29T12:34:56.789Z
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_709_210_096_789)
}

fn call(name: &str, args: &[Value]) -> Result<Value, Error> {
    let builtin = rego::find(name).unwrap_or_else(|| panic!("no function {name}"));
    builtin.call(args, &mut Context::new(now()))
}

/// Numbers are equal by value: OPA writes 1.0 where it computed with fractions.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || left.as_f64() == right.as_f64()
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(a, b)| same(a, b))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(name, a)| right.get(name).is_some_and(|b| same(a, b)))
        }
        _ => left == right,
    }
}

fn agrees(name: &str, answer: &Result<Value, Error>, expected: Option<&Value>) -> bool {
    match (answer, expected) {
        (Ok(answer), Some(expected)) if PRINTS_YAML.contains(&name) => {
            let read = |text: &Value| call("yaml.unmarshal", std::slice::from_ref(text));
            same(&read(answer).unwrap(), &read(expected).unwrap())
        }
        (Ok(answer), Some(expected)) => same(answer, expected),
        (Err(error), None) => error.is_undefined(),
        _ => false,
    }
}

#[test]
fn answers_as_opa_does() {
    let calls: Vec<Map<String, Value>> = serde_json::from_str(CALLS).unwrap();
    let mut differences = Vec::new();
    for one in &calls {
        let name = one["builtin"].as_str().unwrap();
        let answer = call(name, one["args"].as_array().unwrap());
        if !agrees(name, &answer, one.get("result")) {
            let expected = one.get("result").or_else(|| one.get("error"));
            differences.push(format!(
                "{name}{}: {answer:?}, OPA: {expected:?}",
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
fn knows_each_name_once_and_no_others() {
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
fn has_the_answers_of_opa_for_each_function() {
    let peer_names = ["date", "parse_rfc3339_ns"];
    for builtin in rego::all().filter(|builtin| !peer_names.contains(&builtin.name())) {
        let asked = format!(r#""builtin":"{}""#, builtin.name());
        assert!(CALLS.contains(&asked), "no call of {}", builtin.name());
    }
}

#[test]
fn knows_two_functions_by_the_names_that_kubewarden_has_for_them() {
    let text = Value::from("2024-02-29T00:00:00Z");
    let time = call("parse_rfc3339_ns", &[text]).unwrap();
    assert_eq!(
        call("date", &[time]).unwrap(),
        serde_json::json!([2024, 2, 29])
    );
}

#[test]
fn a_wrong_number_of_operands_is_not_undefined() {
    let refused = call("sprintf", &[Value::Null]).unwrap_err();
    assert!(!refused.is_undefined());
}

#[test]
fn refuses_a_text_that_grows_without_bound() {
    let refused = call("sprintf", &["%9999999d".into(), vec![1].into()]).unwrap_err();
    assert!(matches!(refused, Error::TooLarge { .. }));
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

/// A call that OPA was asked about, with some of its operands exchanged: for those of other calls of the same
/// function, which are of the right type and so get far, or for anything.
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
    fn never_panics((name, args) in any_call()) {
        let _ = call(&name, &args);
    }

    #[test]
    fn never_panics_for_operands_of_any_type(operands in prop::collection::vec(any_json(), 4)) {
        for builtin in rego::all() {
            let args = &operands[..builtin.arity()];
            let _ = builtin.call(args, &mut Context::new(now()));
        }
    }
}
