//! Tests of the mutating chain.

use super::*;
use crate::admission::mutate;

#[test]
fn each_policy_sees_earlier_changes_and_the_response_has_one_patch() {
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
    let steps: Vec<_> = verdicts(&outcome.trace)
        .into_iter()
        .map(Option::<&_>::cloned)
        .collect();
    assert_eq!(steps, [accepted(true), accepted(false), accepted(true)]);
}

#[test]
fn policies_see_v1_and_the_response_has_the_version_and_uid_of_the_request() {
    let table = Table::new([Ok(full(&json!({"data": {}})))]);
    let body = body("UPDATE", &json!({"data": {"a": "1"}}));
    let review = Review::parse(body.as_bytes()).unwrap();
    let outcome = block(mutate(&chain(&[FAIL]), &review, &[], &table));
    assert!(table.reviews()[0].contains("\"admission.k8s.io/v1\""));
    let response = outcome.response.unwrap().to_wire(&review.request.uid);
    let response = wire::admission::write_response(review.version, &response);
    let response: Value = serde_json::from_slice(&response).unwrap();
    assert_eq!(
        response,
        json!({"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview", "response": {
            "uid": "u1", "allowed": true, "patchType": "JSONPatch",
            "patch": "W3sib3AiOiJyZW1vdmUiLCJwYXRoIjoiL2RhdGEvYSJ9XQ=="}})
    );
}

#[test]
fn changes_that_cancel_each_other_out_give_no_patch() {
    let table = Table::new([
        Ok(full(&json!({"data": {}}))),
        Ok(full(&json!({"data": {"a": "1"}}))),
    ]);
    assert_eq!(patch_of(&mutates(&chain(&[FAIL; 2]), &table)), Value::Null);
}

#[test]
fn a_rejection_ends_the_chain_even_with_an_invalid_patch() {
    let rejected = Response {
        patch: Some(b"nonsense".to_vec()),
        ..reject("no", None)
    };
    let table = Table::new([Ok(full(&json!({}))), Ok(rejected), Ok(accept())]);
    let outcome = mutates(&chain(&[FAIL; 3]), &table);
    assert_eq!(rejection_of(&outcome).message, "p1: no");
    assert_eq!(table.evaluated(), [0, 1]);
    let rest = &outcome.trace.steps[2].outcome;
    assert_eq!(rest, &StepOutcome::Skipped(SkipReason::AlreadyDecided));
}

#[test]
fn a_failed_call_ends_the_chain_without_a_decision() {
    let table = Table::new([Ok(full(&json!({}))), Err(trap()), Ok(accept())]);
    let outcome = mutates(&chain(&[FAIL; 3]), &table);
    let no_decision = outcome.response.unwrap_err();
    assert_eq!(
        no_decision.message(),
        "policy `p1` failed: the module trapped"
    );
    let rest = &outcome.trace.steps[2].outcome;
    assert_eq!(rest, &StepOutcome::Skipped(SkipReason::EarlierFailure));
}

#[test]
fn an_ignored_failure_leaves_the_object_unchanged_and_warns() {
    let bad = json_patch(&json!([
        {"op": "add", "path": "/data/x", "value": "1"}, {"op": "remove", "path": "/nothing"}]));
    let table = Table::new([Err(trap()), Ok(bad), Ok(full(&json!({"data": {}})))]);
    let outcome = mutates(&chain(&[IGNORE, IGNORE, FAIL]), &table);
    assert_eq!(
        patch_of(&outcome),
        json!([{"op": "remove", "path": "/data/a"}])
    );
    assert_eq!(
        outcome.response.unwrap().warnings,
        [
            "policy `p0` failed and was ignored",
            "policy `p1` failed and was ignored"
        ]
    );
    assert!(table.reviews()[2].contains(r#""object":{"data":{"a":"1"}}"#));
}

#[test]
fn rejects_changes_on_delete_and_connect() {
    for operation in ["DELETE", "CONNECT"] {
        let message = format!("{operation} requests have no object to change");
        rejects(operation, full(&json!({"a": 2})), &message);
        rejects(
            operation,
            json_patch(&json!([{"op": "remove", "path": "/a"}])),
            &message,
        );
        let body = body(operation, &json!(null));
        let review = Review::parse(body.as_bytes()).unwrap();
        let table = Table::new([Ok(json_patch(&json!([])))]);
        let outcome = block(mutate(&chain(&[FAIL]), &review, &[], &table));
        assert_eq!(patch_of(&outcome), Value::Null);
    }
}

#[test]
fn rejects_patches_without_type_and_types_without_patch() {
    let untyped = Response {
        patch_type: None,
        ..full(&json!({}))
    };
    rejects(
        "CREATE",
        untyped,
        "the response has a patch but no patchType",
    );
    for patch in [None, Some(Vec::new())] {
        let empty = Response {
            patch,
            ..full(&json!({}))
        };
        rejects("CREATE", empty, "the response has a patchType but no patch");
    }
}

#[test]
fn rejects_results_other_than_objects_and_patches_that_do_not_apply() {
    let message = "the changed object is not a JSON object";
    rejects("CREATE", full(&json!(["a"])), message);
    let remove = json!([{"op": "remove", "path": "/b"}]);
    let message = "operation 0 of the patch does not apply at `/b`";
    rejects("UPDATE", json_patch(&remove), message);
}

#[test]
fn rejects_responses_with_another_uid_and_accepts_those_without() {
    let with = |uid: &str| Response {
        uid: uid.into(),
        ..accept()
    };
    rejects(
        "CREATE",
        with("u2"),
        "the uid of the response is not that of the request",
    );
    for uid in ["", "u1"] {
        let outcome = validates(&chain(&[FAIL]), &Table::new([Ok(with(uid))]));
        assert_eq!(patch_of(&outcome), Value::Null);
    }
}

#[test]
fn records_but_does_not_apply_the_change_of_a_monitored_policy() {
    let mut chain = chain(&[FAIL; 4]);
    for entry in &mut chain[..3] {
        entry.policy.mode = Mode::Monitor;
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
    assert_eq!(failure_of(&outcome.trace, 2).0, FailureKind::Response);
}

/// An evaluator that parses the review; the first policy changes the object.
struct Parsing(usize);

impl Evaluate<Response> for Parsing {
    type Context = AtomicUsize;
    type Parsed = Value;

    async fn evaluate(
        &self,
        review: &PolicyReview<'_, Value>,
        parsed: &AtomicUsize,
    ) -> Evaluated<Response> {
        let review = review.parsed(|json| {
            parsed.fetch_add(1, Ordering::Relaxed);
            serde_json::from_slice(json).unwrap()
        });
        let is_changed = review["request"]["object"] == json!({"changed": true});
        assert_eq!(is_changed, self.0 > 0);
        Evaluated {
            response: Ok(full(&json!({"changed": true}))),
            timing: Timing::default(),
        }
    }
}

#[test]
fn parses_a_review_once_until_the_object_changes() {
    let parsing = chain(&[FAIL; 4]).into_iter().map(|entry| Entry {
        policy: entry.policy,
        evaluator: Parsing(entry.evaluator.0),
    });
    let parsing: Vec<_> = parsing.collect();
    let body = body("CREATE", &json!({}));
    let review = Review::parse(body.as_bytes()).unwrap();
    let parsed = AtomicUsize::new(0);
    let outcome = block(mutate(&parsing, &review, &[], &parsed));
    assert!(outcome.response.is_ok());
    assert_eq!(parsed.into_inner(), 2);
}
