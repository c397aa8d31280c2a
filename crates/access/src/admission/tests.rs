//! Tests of the admission chains and of each of their guards.

mod alone;
mod mutating;
mod notices;
mod validating;

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use wire::admission::Review;
use wire::meta::{Status, StatusCause, StatusDetails};

use super::*;
use crate::ask::{Ask, Asked};
use crate::failure::{Failure, FailureKind};
use crate::testing::{Table, answers, block, failure_of, name, trap};
use crate::trace::{SkipReason, Step, StepOutcome, StepVerdict, Timing};

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
