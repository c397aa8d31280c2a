//! Tests of the admission chains and of each of their guards.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use wire::admission::Review;
use wire::meta::{Status, StatusCause, StatusDetails};

use super::*;
use crate::ask::{Ask, Asked};
use crate::failure::{Failure, FailureKind};
use crate::testing::{Table, answers, block, failure_of, name, trap};
use crate::trace::{SkipReason, StepAnswer, StepOutcome};

fn body(operation: &str, object: &Value) -> String {
    json!({"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview", "request": {
        "uid": "u1", "operation": operation, "namespace": "ns", "object": object,
        "resource": {"group": "", "version": "v1", "resource": "configmaps"}}})
    .to_string()
}

fn chain(on_failure: &[OnFailure]) -> Vec<Policy> {
    let policies = on_failure.iter().enumerate();
    policies
        .map(|(index, &on_failure)| Policy {
            name: name(&format!("p{index}")),
            rules: vec![Rule::everything()],
            on_failure,
            mode: Mode::Protect,
        })
        .collect()
}

fn other_rule() -> Rule {
    let words = |word: &str| [word.to_owned()];
    Rule::new(&words("*"), &words("*"), &words("*"), &words("pods"), None).unwrap()
}

fn mutates(chain: &[Policy], table: &Table<Response>) -> Outcome {
    let body = body("CREATE", &json!({"data": {"a": "1"}}));
    block(mutate(
        chain,
        &Review::parse(body.as_bytes()).unwrap(),
        table,
    ))
}

fn validates(chain: &[Policy], table: &Table<Response>) -> Outcome {
    let body = body("CREATE", &json!({"data": {"a": "1"}}));
    block(validate(
        chain,
        &Review::parse(body.as_bytes()).unwrap(),
        table,
    ))
}

fn accept() -> Response {
    Response {
        allowed: true,
        ..Response::default()
    }
}

fn full(object: &Value) -> Response {
    Response {
        patch: Some(object.to_string().into_bytes()),
        patch_type: Some(PatchType::Full),
        ..accept()
    }
}

fn json_patch(patch: &Value) -> Response {
    Response {
        patch: Some(patch.to_string().into_bytes()),
        patch_type: Some(PatchType::JsonPatch),
        ..accept()
    }
}

fn reject(message: &str, code: Option<i32>) -> Response {
    Response {
        status: Some(Status {
            message: message.into(),
            code,
            ..Status::default()
        }),
        ..Response::default()
    }
}

/// The patch of an outcome that accepts, as JSON; null when nothing changes.
fn patch_of(outcome: &Outcome) -> Value {
    match outcome.answer.as_ref().map(|answer| &answer.decision) {
        Ok(Decision::Accept { patch }) => patch.as_ref().map_or(Value::Null, |patch| {
            serde_json::from_slice(&patch.to_json()).unwrap()
        }),
        other => panic!("not accepted: {other:?}"),
    }
}

fn rejection_of(outcome: &Outcome) -> &Rejection {
    match outcome.answer.as_ref().map(|answer| &answer.decision) {
        Ok(Decision::Reject(rejection)) => rejection,
        other => panic!("not rejected: {other:?}"),
    }
}

/// A mutating policy's answer to an operation is a failed call with this message.
fn refuses(operation: &str, response: Response, message: &str) {
    let body = body(operation, &json!({"a": 1}));
    let review = Review::parse(body.as_bytes()).unwrap();
    let outcome = block(mutate(
        &chain(&[OnFailure::Fail]),
        &review,
        &Table::new([Ok(response)]),
    ));
    assert_eq!(
        failure_of(&outcome.trace, 0),
        (FailureKind::Answer, message)
    );
    let undecided = outcome.answer.unwrap_err();
    assert_eq!(undecided.message, format!("policy `p0` failed: {message}"));
}

const FAIL: OnFailure = OnFailure::Fail;
const IGNORE: OnFailure = OnFailure::Ignore;

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
    let accepted = |mutated| Some(StepAnswer::Accepted { mutated });
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
    assert_eq!(rest, &StepOutcome::Skipped(SkipReason::Decided));
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
fn a_validating_policy_must_not_change_the_object() {
    let table = Table::new([Ok(full(&json!({"data": {}})))]);
    let outcome = validates(&chain(&[FAIL]), &table);
    assert_eq!(
        failure_of(&outcome.trace, 0),
        (
            FailureKind::Answer,
            "a validating policy must not change the object"
        )
    );
    assert!(outcome.answer.is_err());
}

#[test]
fn every_rejection_is_reported() {
    let table = Table::new([
        Ok(reject("no key `a`", None)),
        Ok(accept()),
        Ok(reject("", Some(422))),
    ]);
    let outcome = validates(&chain(&[FAIL; 3]), &table);
    let cause = |message: &str| StatusCause {
        message: message.into(),
        ..StatusCause::default()
    };
    let expected = Rejection {
        message: "p0: no key `a`; p2: rejected without a message".into(),
        code: 403,
        reason: "Forbidden".into(),
        causes: vec![cause("no key `a`"), cause("rejected without a message")],
    };
    assert_eq!(rejection_of(&outcome), &expected);
    let response = outcome.answer.unwrap().response("u1");
    assert!(!response.allowed && response.uid == "u1");
    assert_eq!(
        response.status,
        Some(Status {
            status: "Failure".into(),
            message: expected.message,
            reason: expected.reason,
            details: Some(StatusDetails {
                causes: expected.causes
            }),
            code: Some(403),
        })
    );
}

#[test]
fn code_reason_and_causes_are_the_policys_where_they_make_sense() {
    let rejected = |code, reason: &str, causes: &[&str]| {
        let mut response = reject("bad\u{1b}[1m", code);
        let status = response.status.as_mut().unwrap();
        status.reason = reason.into();
        let causes = causes.iter().map(|&field| StatusCause {
            field: field.into(),
            ..StatusCause::default()
        });
        status.details = Some(StatusDetails {
            causes: causes.collect(),
        });
        rejection_of(&validates(&chain(&[FAIL]), &Table::new([Ok(response)]))).clone()
    };
    let invalid = rejected(Some(422), "Invalid", &["spec.a", "spec.b"]);
    assert_eq!((invalid.code, invalid.reason.as_str()), (422, "Invalid"));
    assert_eq!(invalid.message, "p0: bad[1m");
    assert_eq!(invalid.causes.len(), 2);
    for code in [None, Some(0), Some(200), Some(399), Some(600), Some(-1)] {
        let rejection = rejected(code, "", &[]);
        assert_eq!(
            (rejection.code, rejection.reason.as_str()),
            (403, "Forbidden")
        );
    }
    assert_eq!(rejected(Some(409), "", &[]).reason, "");
}

#[test]
fn a_rejection_stands_although_another_policy_failed() {
    let table = Table::new([Err(trap()), Ok(reject("no", None))]);
    let outcome = validates(&chain(&[FAIL; 2]), &table);
    assert_eq!(rejection_of(&outcome).message, "p1: no");
}

#[test]
fn failed_validators_are_all_named_unless_ignored() {
    let table = Table::new([Err(trap()), Err(trap()), Err(trap()), Ok(accept())]);
    let outcome = validates(&chain(&[FAIL, IGNORE, FAIL, FAIL]), &table);
    assert_eq!(
        outcome.answer.unwrap_err().message,
        "policy `p0` failed: the module trapped; policy `p2` failed: the module trapped"
    );
    let outcome = validates(&chain(&[IGNORE; 4]), &table);
    assert_eq!(outcome.answer.as_ref().unwrap().warnings.len(), 3);
    assert_eq!(patch_of(&outcome), Value::Null);
}

#[test]
fn policies_whose_rules_do_not_match_are_not_asked() {
    let mut policies = chain(&[FAIL; 3]);
    policies[0].rules = vec![other_rule()];
    policies[1].rules = vec![other_rule(), Rule::everything()];
    policies[2].rules = vec![];
    for ask in [validates, mutates] {
        let table = Table::new([Err(trap()), Ok(accept()), Err(trap())]);
        let outcome = ask(&policies, &table);
        assert_eq!(table.asked(), [1]);
        assert_eq!(patch_of(&outcome), Value::Null);
        let skipped = StepOutcome::Skipped(SkipReason::NoRuleMatches);
        assert_eq!(outcome.trace.steps[0].outcome, skipped);
        assert_eq!(outcome.trace.steps[2].outcome, skipped);
    }
}

/// The first policy answers only after the second was asked.
struct FirstWaitsForSecond(AtomicBool);

impl Ask<Response> for FirstWaitsForSecond {
    async fn ask(&self, policy: usize, _: &[u8]) -> Asked<Response> {
        if policy == 1 {
            self.0.store(true, Ordering::Relaxed);
        }
        std::future::poll_fn(|_| match self.0.load(Ordering::Relaxed) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        })
        .await;
        Asked {
            answer: Ok(reject(&policy.to_string(), None)),
            elapsed: Duration::ZERO,
        }
    }
}

#[test]
fn a_long_validator_does_not_hold_up_the_others() {
    let body = body("CREATE", &json!({}));
    let review = Review::parse(body.as_bytes()).unwrap();
    let ask = FirstWaitsForSecond(AtomicBool::new(false));
    let outcome = block(validate(&chain(&[FAIL; 2]), &review, &ask));
    assert_eq!(rejection_of(&outcome).message, "p0: 0; p1: 1");
}

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

#[test]
fn a_review_that_cannot_be_passed_on_is_a_failed_call() {
    let body = body("CREATE", &json!({})).replace(r#""uid""#, r#""x":1,"x":2,"uid""#);
    let review = Review::parse(body.as_bytes()).unwrap();
    let table = Table::new([Ok(full(&json!({"a": 1}))), Ok(accept())]);
    let outcome = block(mutate(&chain(&[FAIL; 2]), &review, &table));
    assert_eq!(failure_of(&outcome.trace, 1).0, FailureKind::Host);
    assert!(outcome.answer.is_err());
}

#[test]
fn an_empty_chain_accepts() {
    assert_eq!(patch_of(&mutates(&[], &Table::new([]))), Value::Null);
    assert_eq!(patch_of(&validates(&[], &Table::new([]))), Value::Null);
}

#[test]
fn the_operators_detail_stays_out_of_the_answer() {
    let failure: Failure = trap();
    assert_eq!(failure.detail.as_deref(), Some("secret"));
    let outcome = validates(&chain(&[FAIL]), &Table::new([Err(failure)]));
    assert!(!outcome.answer.unwrap_err().message.contains("secret"));
}
