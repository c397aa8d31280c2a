//! Tests of patches: they are small, exact and within limits.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap()
}

/// Returns the patch from one object to another as JSON.
fn diff(before: &Value, after: &Value) -> Value {
    let patch = Patch::from_full(&raw(before), after.to_string().as_bytes()).unwrap();
    serde_json::from_slice(&patch.to_json()).unwrap()
}

/// Applies a module's patch to an object.
fn apply(before: &Value, patch: &Value) -> Result<Value, PatchError> {
    let patch = Patch::from_json_patch(&raw(before), patch.to_string().as_bytes())?;
    Ok(serde_json::from_str(patch.object().get()).unwrap())
}

fn add(path: &str, value: impl Into<Value>) -> Value {
    json!({"op": "add", "path": path, "value": value.into()})
}

fn replace(path: &str, value: impl Into<Value>) -> Value {
    json!({"op": "replace", "path": path, "value": value.into()})
}

fn remove(path: &str) -> Value {
    json!({"op": "remove", "path": path})
}

#[test]
fn contains_only_changed_members() {
    let before = json!({"kind": "ConfigMap", "data": {"a": "1", "b": "2", "c/~": "3"}, "x": null});
    let after = json!({"kind": "ConfigMap", "data": {"a": "1", "b": "9", "c/~": "4", "": "5"}});
    assert_eq!(
        diff(&before, &after),
        json!([
            remove("/x"),
            add("/data/", "5"),
            replace("/data/b", "9"),
            replace("/data/c~1~0", "4"),
        ])
    );
}

/// S12: mutating twice equals mutating once, with small patches that were applied.
#[test]
fn adding_or_removing_an_element_does_not_replace_the_array() {
    let array = |elements: Value| json!({"args": elements});
    let before = array(json!(["a", "b", "c", "d"]));
    for (after, patch) in [
        (
            json!(["x", "a", "b", "c", "d"]),
            json!([add("/args/0", "x")]),
        ),
        (
            json!(["a", "b", "x", "c", "d"]),
            json!([add("/args/2", "x")]),
        ),
        (
            json!(["a", "b", "c", "d", "x"]),
            json!([add("/args/4", "x")]),
        ),
        (json!(["b", "c", "d"]), json!([remove("/args/0")])),
        (
            json!(["a", "d"]),
            json!([remove("/args/1"), remove("/args/1")]),
        ),
        (
            json!(["a", "b", "x", "d"]),
            json!([replace("/args/2", "x")]),
        ),
        (
            json!(["b", "x", "c", "y"]),
            json!([
                remove("/args/0"),
                add("/args/1", "x"),
                replace("/args/3", "y")
            ]),
        ),
        (json!(["a", "b", "c", "d"]), json!([])),
    ] {
        assert_eq!(diff(&before, &array(after.clone())), patch, "{after}");
    }
}

#[test]
fn tracks_named_elements_through_an_array() {
    let before = json!({"containers": [
        {"name": "app", "image": "app:1", "env": [{"name": "A", "value": "1"}]},
        {"name": "log", "image": "log:1"},
    ]});
    let after = json!({"containers": [
        {"name": "proxy", "image": "proxy:1"},
        {"name": "app", "image": "app:1", "env": [{"name": "A", "value": "2"}]},
        {"name": "log", "image": "log:1", "tty": true},
    ]});
    assert_eq!(
        diff(&before, &after),
        json!([
            add(
                "/containers/0",
                json!({"name": "proxy", "image": "proxy:1"})
            ),
            replace("/containers/1/env/0/value", "2"),
            add("/containers/2/tty", true),
        ])
    );
}

#[test]
fn ignores_different_notations_of_equal_numbers() {
    let before: &RawValue =
        serde_json::from_str(r#"{"a":1,"b":1.0,"c":1e3,"d":-0,"e":18446744073709551615}"#).unwrap();
    let after = br#"{"a":1.0,"b":1,"c":1000,"d":0,"e":18446744073709551615}"#;
    assert!(Patch::from_full(before, after).unwrap().is_empty());
    let patch = br#"[{"op":"test","path":"/a","value":1.0},{"op":"test","path":"/b","value":1}]"#;
    assert!(Patch::from_json_patch(before, patch).unwrap().is_empty());
}

#[test]
fn preserves_numbers_exactly() {
    let numbers = r#"{"a":[9007199254740993,-9223372036854775808,18446744073709551615,0.1,2.2250738585072014e-308,4.35,1.7976931348623157e308]"#;
    let before: Box<RawValue> = serde_json::from_str(&format!("{numbers}}}")).unwrap();
    let after = format!(r#"{numbers},"b":1}}"#);
    let patch = Patch::from_full(&before, after.as_bytes()).unwrap();
    assert_eq!(patch.to_json(), br#"[{"op":"add","path":"/b","value":1}]"#);
    assert_eq!(
        patch.object().get(),
        after.replace("e308", "e+308"),
        "keeps its notation"
    );
}

#[test]
fn creates_an_empty_patch_for_an_unchanged_object() {
    let before: &RawValue = serde_json::from_str(r#"{ "a" : [1, {"b":null}] }"#).unwrap();
    let patch = Patch::from_full(before, br#"{"a":[1,{"b":null}]}"#).unwrap();
    assert!(patch.is_empty());
    assert_eq!(patch.object().get(), before.get());
}

#[test]
fn applies_every_kind_of_operation() {
    let before = json!({"a": {"b": [1, 2]}, "c": 3});
    let patch = json!([
        {"op": "test", "path": "/a/b/1", "value": 2},
        {"op": "copy", "from": "/a/b", "path": "/d"},
        {"op": "move", "from": "/c", "path": "/a/c"},
        {"op": "remove", "path": "/a/b/0"},
        {"op": "replace", "path": "/d/0", "value": "x"},
        {"op": "add", "path": "/d/-", "value": null},
    ]);
    assert_eq!(
        apply(&before, &patch).unwrap(),
        json!({"a": {"b": [2], "c": 3}, "d": ["x", 2, null]})
    );
}

#[test]
fn converts_operations_that_could_fail() {
    let before = raw(&json!({"a": 1}));
    let patch = br#"[{"op":"test","path":"/a","value":1},{"op":"copy","from":"/a","path":"/b"},
        {"op":"add","path":"/c","value":1},{"op":"remove","path":"/c"}]"#;
    let patch = Patch::from_json_patch(&before, patch).unwrap();
    assert_eq!(patch.to_json(), br#"[{"op":"add","path":"/b","value":1}]"#);
}

#[test]
fn reports_the_failed_operation_and_keeps_the_cause_for_the_operator() {
    let patch = json!([add("/b", 1), {"op": "test", "path": "/a", "value": "secret"}]);
    let failure = Failure::from(apply(&json!({"a": 1}), &patch).unwrap_err());
    assert_eq!(
        failure.message,
        "operation 1 of the patch does not apply at `/a`"
    );
    assert_eq!(failure.detail.as_deref(), Some("value did not match"));
}

#[test]
fn rejects_malformed_patches_and_patches_that_do_not_apply() {
    let before = json!({"a": [1], "s": "x"});
    for patch in [
        json!({}),
        json!("x"),
        json!([{"op": "merge", "path": "/a"}]),
        json!([{"op": "add", "path": "a", "value": 1}]),
        json!([{"op": "add", "path": "/b"}]),
    ] {
        let error = apply(&before, &patch).unwrap_err();
        assert!(matches!(error, PatchError::Patch(_)), "{patch}: {error}");
    }
    for operation in [
        remove("/b"),
        remove("/a/-"),
        remove(""),
        replace("/b", 1),
        add("/b/c", 1),
        add("/a/2", 1),
        add("/a/01", 1),
        add("/s/x", 1),
        json!({"op": "move", "from": "/a", "path": "/a/0"}),
        json!({"op": "copy", "from": "/b", "path": "/c"}),
    ] {
        let error = apply(&before, &json!([operation])).unwrap_err();
        assert!(
            matches!(error, PatchError::Apply { .. }),
            "{operation}: {error}"
        );
    }
}

#[test]
fn requires_an_object_as_result() {
    let before = raw(&json!({}));
    for after in [&b"[]"[..], b"null", b"1"] {
        let error = Patch::from_full(&before, after).unwrap_err();
        assert!(matches!(error, PatchError::NotAnObject));
    }
    let error = apply(&json!({}), &json!([replace("", json!([]))])).unwrap_err();
    assert!(matches!(error, PatchError::NotAnObject));
    let error = Patch::from_full(&before, b"{").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the changed object is not valid JSON (line 1, column 1)"
    );
    let text = raw(&json!("text"));
    let error = Patch::from_full(&text, b"{}").unwrap_err();
    assert!(matches!(error, PatchError::Original(_)));
}

#[test]
fn limits_the_size_that_operations_can_build() {
    let bomb = |operation: Value, times: usize| vec![operation; times].into();
    let before = json!({"a": "x".repeat(100_000), "b": []});
    let copies = bomb(json!({"op": "copy", "from": "/a", "path": "/b/-"}), 40);
    assert!(matches!(
        apply(&before, &copies).unwrap_err(),
        PatchError::Work
    ));
    let doubling = bomb(json!({"op": "copy", "from": "/b", "path": "/b/-"}), 40);
    assert!(matches!(
        apply(&json!({"b": [1]}), &doubling).unwrap_err(),
        PatchError::Work
    ));
    let long = bomb(add("/c", 1), 10_001);
    let error = apply(&before, &long).unwrap_err();
    assert!(matches!(error, PatchError::Operations { count: 10_001 }));
}

#[test]
fn limits_shifting_of_large_arrays() {
    let before = json!({"a": vec![0; 10_000]});
    let shifts: Value = vec![add("/a/0", 0); 2_000].into();
    assert!(matches!(
        apply(&before, &shifts).unwrap_err(),
        PatchError::Work
    ));
    let moves: Vec<_> = (0..2_000)
        .map(|index| {
            let (from, path) = if index % 2 == 0 {
                ("/a", "/b")
            } else {
                ("/b", "/a")
            };
            json!({"op": "move", "from": from, "path": path})
        })
        .collect();
    assert!(matches!(
        apply(&before, &moves.into()).unwrap_err(),
        PatchError::Work
    ));
}

#[test]
fn limits_nesting_to_the_depth_of_the_parser() {
    let steps: Vec<_> = (0..200)
        .map(|_| json!({"op": "move", "from": "/a", "path": "/b/c"}))
        .flat_map(|step| {
            [
                add("/b", json!({})),
                step,
                json!({"op": "move", "from": "/b", "path": "/a"}),
            ]
        })
        .collect();
    let error = apply(&json!({"a": {}}), &steps.into()).unwrap_err();
    assert!(matches!(error, PatchError::Depth { .. }), "{error}");
    let nested = |levels: usize| (1..levels).fold(json!({}), |inner, _| json!({"a": inner}));
    let innermost = "/a".repeat(100);
    let at = |levels| apply(&nested(100), &json!([add(&innermost, nested(levels))]));
    assert_eq!(at(27).unwrap(), nested(127));
    assert!(matches!(
        at(28).unwrap_err(),
        PatchError::Depth { operation: 0 }
    ));
    let too_deep = format!("{}1{}", r#"{"a":"#.repeat(128), "}".repeat(128));
    let error = Patch::from_full(&raw(&json!({})), too_deep.as_bytes()).unwrap_err();
    assert!(matches!(error, PatchError::Object(_)));
}

#[test]
fn replaces_a_value_with_many_changes() {
    let numbers = |offset: usize| (offset..offset + 5_000).collect::<Vec<_>>();
    let before = json!({"data": {"a": numbers(0), "b": 1}});
    let after = json!({"data": {"a": numbers(100_000), "b": 2}});
    let a = json!(numbers(100_000));
    assert_eq!(
        diff(&before, &after),
        json!([replace("/data/a", a), replace("/data/b", 2)])
    );
}

#[test]
fn limits_the_total_length_of_paths() {
    // The paths of 6,000 members in 1,500 objects are longer than the object itself, although no
    // member has many changes.
    let members = |value: u32| {
        (0..4)
            .map(|n| (n.to_string(), json!(value)))
            .collect::<Value>()
    };
    let long = |n: usize| format!("{n}{}", "k".repeat(1_000));
    let object = |value| {
        (0..1_500)
            .map(|n| (long(n), members(value)))
            .collect::<Value>()
    };
    let before = raw(&object(1));
    let error = Patch::from_full(&before, object(2).to_string().as_bytes()).unwrap_err();
    assert!(matches!(error, PatchError::Scattered));
}

/// Generates any JSON, with few names and values so that documents have much in common.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2..3_i64).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("finite", |number| serde_json::Number::from_f64(number)
            .map(Value::Number)),
        "[ab/~]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let key = prop_oneof![Just("name".to_owned()), "[ab/~\\-01]{0,2}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            any_object(key, inner),
        ]
    })
}

fn any_object(
    key: impl Strategy<Value = String> + 'static,
    value: impl Strategy<Value = Value> + 'static,
) -> impl Strategy<Value = Value> {
    prop::collection::btree_map(key, value, 0..5)
        .prop_map(|members| Value::Object(members.into_iter().collect()))
}

fn any_root() -> impl Strategy<Value = Value> {
    any_object("[abc]", any_json())
}

/// Generates two objects with an array each, built from the same few elements.
fn similar_arrays() -> impl Strategy<Value = (Value, Value)> {
    let element = prop_oneof![
        (0..6).prop_map(Value::from),
        ("[abcd]", 0..3).prop_map(|(name, value)| json!({"name": name, "value": value})),
    ];
    let array = prop::collection::vec(element, 0..9).prop_map(|elements| json!({"list": elements}));
    (array.clone(), array)
}

/// Asserts that the serialized patch produces `after` from `before`.
fn assert_round_trip(before: &Value, after: &Value) {
    let (mut before, mut after) = (before.clone(), after.clone());
    let patch = Patch::from_full(&raw(&before), after.to_string().as_bytes()).unwrap();
    normalize(&mut before);
    normalize(&mut after);
    let sent: json_patch::Patch = serde_json::from_slice(&patch.to_json()).unwrap();
    json_patch::patch(&mut before, &sent).unwrap();
    assert_eq!(before, after);
    let object: Value = serde_json::from_str(patch.object().get()).unwrap();
    assert_eq!(object, after);
}

proptest! {
    /// S12: mutating twice equals mutating once, with small patches that were applied.
    #[test]
    fn patches_round_trip(before in any_root(), after in any_root()) {
        assert_round_trip(&before, &after);
    }

    #[test]
    fn patches_of_arrays_round_trip((before, after) in similar_arrays()) {
        assert_round_trip(&before, &after);
    }

    #[test]
    fn an_object_equals_itself(object in any_root()) {
        let patch = Patch::from_full(&raw(&object), object.to_string().as_bytes()).unwrap();
        prop_assert!(patch.is_empty());
    }

    #[test]
    fn a_json_patch_has_the_same_effect_as_the_full_object(before in any_root(), after in any_root()) {
        let full = Patch::from_full(&raw(&before), after.to_string().as_bytes()).unwrap();
        let again = Patch::from_json_patch(&raw(&before), &full.to_json()).unwrap();
        prop_assert_eq!(again.to_json(), full.to_json());
    }

    #[test]
    fn never_panics(object in any_json(), patch in any_json(), operations in any_patch()) {
        let _ = Patch::from_json_patch(&raw(&object), patch.to_string().as_bytes());
        let _ = apply(&object, &operations);
    }
}

fn any_patch() -> impl Strategy<Value = Value> {
    let path = || "(/[ab01~\\-]{0,2}){0,3}";
    let op = prop::sample::select(vec!["add", "remove", "replace", "move", "copy", "test"]);
    let operation = (op, path(), path(), any_json()).prop_map(
        |(op, path, from, value)| json!({"op": op, "path": path, "from": from, "value": value}),
    );
    prop::collection::vec(operation, 0..5).prop_map(Value::from)
}
