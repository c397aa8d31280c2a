//! The mutating chain, and what is refused of its policies.

use super::*;

#[test]
fn each_policy_sees_the_object_as_changed_so_far_and_one_patch_is_answered() {
    let table = Table::new([
        Ok(full(&json!({"data": {"a": "1", "b": "2"}}))),
        Ok(accept()),
        Ok(json_patch(
            &json!([{"op": "replace", "path": "/data/b", "value": "3"}]),
        )),
    ]);
    let outcome = mutates(&chain(&[FAIL; 3]), &table);
    let expected = json!([{"op": "add", "path": "/data/b", "value": "3"}]);
    assert_eq!(patch_of(&outcome), expected);
    let objects: Vec<Value> = table
        .reviews()
        .iter()
        .map(|review| serde_json::from_str::<Value>(review).unwrap()["request"]["object"].clone())
        .collect();
    let changed = json!({"data": {"a": "1", "b": "2"}});
    assert_eq!(
        objects,
        [json!({"data": {"a": "1"}}), changed.clone(), changed]
    );
    let accepted = |mutated| Some(StepVerdict::Accepted { mutated });
    let steps: Vec<_> = answers(&outcome.trace)
        .into_iter()
        .map(Option::<&_>::cloned)
        .collect();
    assert_eq!(steps, [accepted(true), accepted(false), accepted(true)]);
}

#[test]
fn policies_see_the_review_in_v1_and_the_answer_echoes_version_and_uid() {
    let table = Table::new([Ok(full(&json!({"data": {}})))]);
    let body = body("UPDATE", &json!({"data": {"a": "1"}}));
    let review = Review::parse(body.as_bytes()).unwrap();
    let outcome = block(mutate(&chain(&[FAIL]), &review, &table));
    assert!(table.reviews()[0].contains("\"admission.k8s.io/v1\""));
    let response = outcome.answer.unwrap().response(&review.request.uid);
    let answer = wire::admission::answer(review.version, &response);
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(
        answer,
        json!({"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview", "response": {
            "uid": "u1", "allowed": true, "patchType": "JSONPatch",
            "patch": "W3sib3AiOiJyZW1vdmUiLCJwYXRoIjoiL2RhdGEvYSJ9XQ=="}})
    );
}

#[test]
fn changes_that_undo_each_other_are_no_patch() {
    let table = Table::new([
        Ok(full(&json!({"data": {}}))),
        Ok(full(&json!({"data": {"a": "1"}}))),
    ]);
    assert_eq!(patch_of(&mutates(&chain(&[FAIL; 2]), &table)), Value::Null);
}

#[test]
fn a_rejection_ends_the_mutating_chain_and_its_patch_is_not_looked_at() {
    let rejected = Response {
        patch: Some(b"nonsense".to_vec()),
        ..reject("no", None)
    };
    let table = Table::new([Ok(full(&json!({}))), Ok(rejected), Ok(accept())]);
    let outcome = mutates(&chain(&[FAIL; 3]), &table);
    assert_eq!(rejection_of(&outcome).message, "p1: no");
    assert_eq!(table.asked(), [0, 1]);
    let rest = &outcome.trace.steps[2].outcome;
    assert_eq!(rest, &StepOutcome::Skipped(SkipReason::AlreadyDecided));
}

#[test]
fn a_failed_call_ends_the_mutating_chain_undecided() {
    let table = Table::new([Ok(full(&json!({}))), Err(trap()), Ok(accept())]);
    let outcome = mutates(&chain(&[FAIL; 3]), &table);
    let undecided = outcome.answer.unwrap_err();
    assert_eq!(undecided.message, "policy `p1` failed: the module trapped");
    let rest = &outcome.trace.steps[2].outcome;
    assert_eq!(rest, &StepOutcome::Skipped(SkipReason::EarlierFailure));
}

#[test]
fn an_ignored_failure_leaves_the_object_as_it_was_and_warns() {
    let bad = json_patch(&json!([
        {"op": "add", "path": "/data/x", "value": "1"}, {"op": "remove", "path": "/nothing"}]));
    let table = Table::new([Err(trap()), Ok(bad), Ok(full(&json!({"data": {}})))]);
    let outcome = mutates(&chain(&[IGNORE, IGNORE, FAIL]), &table);
    assert_eq!(
        patch_of(&outcome),
        json!([{"op": "remove", "path": "/data/a"}])
    );
    assert_eq!(
        outcome.answer.unwrap().warnings,
        [
            "policy `p0` failed and was ignored",
            "policy `p1` failed and was ignored"
        ]
    );
    assert!(table.reviews()[2].contains(r#""object":{"data":{"a":"1"}}"#));
}

#[test]
fn there_is_nothing_to_change_on_delete_and_connect() {
    for operation in ["DELETE", "CONNECT"] {
        let message = format!("there is no object that can be changed on {operation}");
        refuses(operation, full(&json!({"a": 2})), &message);
        refuses(
            operation,
            json_patch(&json!([{"op": "remove", "path": "/a"}])),
            &message,
        );
        let body = body(operation, &json!(null));
        let review = Review::parse(body.as_bytes()).unwrap();
        let table = Table::new([Ok(json_patch(&json!([])))]);
        let outcome = block(mutate(&chain(&[FAIL]), &review, &table));
        assert_eq!(patch_of(&outcome), Value::Null);
    }
}

#[test]
fn refuses_patches_without_type_and_types_without_patch() {
    let untyped = Response {
        patch_type: None,
        ..full(&json!({}))
    };
    refuses("CREATE", untyped, "there is a patch but no patchType");
    for patch in [None, Some(Vec::new())] {
        let empty = Response {
            patch,
            ..full(&json!({}))
        };
        refuses("CREATE", empty, "there is a patchType but no patch");
    }
}

#[test]
fn refuses_changes_to_what_is_no_object_and_patches_that_do_not_apply() {
    let message = "the changed object is not a JSON object";
    refuses("CREATE", full(&json!(["a"])), message);
    let remove = json!([{"op": "remove", "path": "/b"}]);
    let message = "operation 0 of the patch does not apply at `/b`";
    refuses("UPDATE", json_patch(&remove), message);
}

#[test]
fn refuses_answers_to_another_request_and_takes_those_without_uid() {
    let with = |uid: &str| Response {
        uid: uid.into(),
        ..accept()
    };
    refuses(
        "CREATE",
        with("u2"),
        "the answer is for another request: its uid differs",
    );
    for uid in ["", "u1"] {
        let outcome = validates(&chain(&[FAIL]), &Table::new([Ok(with(uid))]));
        assert_eq!(patch_of(&outcome), Value::Null);
    }
}

#[test]
fn the_change_of_a_watched_policy_is_told_and_not_made() {
    let mut chain = chain(&[FAIL; 4]);
    for policy in &mut chain[..3] {
        policy.mode = Mode::Monitor;
    }
    let nonsense = Response {
        patch: Some(b"nonsense".to_vec()),
        ..full(&json!({}))
    };
    let table = Table::new([
        Ok(full(&json!({"data": {}}))),
        Ok(full(&json!({"data": {"a": "1"}}))),
        Ok(nonsense),
        Ok(accept()),
    ]);
    let outcome = mutates(&chain, &table);
    assert_eq!(patch_of(&outcome), Value::Null);
    assert!(table.reviews()[3].contains(r#"{"a":"1"}"#));
    let would_have: Vec<_> = outcome.trace.steps.iter().map(Step::would_have).collect();
    let changed = StepVerdict::Accepted { mutated: true };
    assert_eq!(would_have, [Some(&changed), None, None, None]);
    assert_eq!(failure_of(&outcome.trace, 2).0, FailureKind::Answer);
}
