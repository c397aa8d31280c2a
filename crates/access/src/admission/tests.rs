//! Tests of the admission chains and their checks.

mod mutate;
mod notices;
mod single_policy;
mod validate;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use wire::admission::{Response, Review};
use wire::meta::{Status, StatusCause, StatusDetails};

use super::{Decision, Mode, OnFailure, Outcome, PatchType, Policy, Rejection, Rule};
use crate::evaluate::{Entry, Evaluate, Evaluated, PolicyReview};
use crate::failure::{Failure, FailureKind, NoDecision};
use crate::testing::{Row, Table, block, chain_of, failure_of, name, overload, trap, verdicts};
use crate::trace::{SkipReason, Step, StepOutcome, StepVerdict, Timing};

fn body(operation: &str, object: &Value) -> String {
    json!({"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview", "request": {
        "uid": "u1", "operation": operation, "namespace": "ns", "object": object,
        "resource": {"group": "", "version": "v1", "resource": "configmaps"}}})
    .to_string()
}

fn chain(on_failure: &[OnFailure]) -> Vec<Entry<Policy, Row>> {
    chain_of(on_failure.len(), |index, name| Policy {
        name,
        rules: vec![Rule::everything()],
        on_failure: on_failure[index],
        mode: Mode::Protect,
    })
}

fn other_rule() -> Rule {
    let list = |entry: &str| [entry.to_owned()];
    Rule::new(&list("*"), &list("*"), &list("*"), &list("pods"), None).unwrap()
}

fn mutates(chain: &[Entry<Policy, Row>], table: &Table<Response>) -> Outcome {
    let body = body("CREATE", &json!({"data": {"a": "1"}}));
    let review = Review::parse(body.as_bytes()).unwrap();
    block(super::mutate(chain, &review, &[], table))
}

fn validates(chain: &[Entry<Policy, Row>], table: &Table<Response>) -> Outcome {
    let body = body("CREATE", &json!({"data": {"a": "1"}}));
    let review = Review::parse(body.as_bytes()).unwrap();
    block(super::validate(chain, &review, &[], table))
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

/// Returns the patch of an outcome that accepts as JSON; null without changes.
fn patch_of(outcome: &Outcome) -> Value {
    match outcome.response.as_ref().map(|response| &response.decision) {
        Ok(Decision::Accept { patch }) => patch.as_ref().map_or(Value::Null, |patch| {
            serde_json::from_slice(&patch.to_json()).unwrap()
        }),
        other => panic!("not accepted: {other:?}"),
    }
}

fn rejection_of(outcome: &Outcome) -> &Rejection {
    match outcome.response.as_ref().map(|response| &response.decision) {
        Ok(Decision::Reject(rejection)) => rejection,
        other => panic!("not rejected: {other:?}"),
    }
}

/// Asserts that a mutating policy's response to an operation is a failed call with this message.
fn rejects(operation: &str, response: Response, message: &str) {
    let body = body(operation, &json!({"a": 1}));
    let review = Review::parse(body.as_bytes()).unwrap();
    let outcome = block(super::mutate(
        &chain(&[OnFailure::Fail]),
        &review,
        &[],
        &Table::new([Ok(response)]),
    ));
    assert_eq!(
        failure_of(&outcome.trace, 0),
        (FailureKind::Response, message)
    );
    let no_decision = outcome.response.unwrap_err();
    assert_eq!(
        no_decision.message(),
        format!("policy `p0` failed: {message}")
    );
}

const FAIL: OnFailure = OnFailure::Fail;
const IGNORE: OnFailure = OnFailure::Ignore;

#[test]
fn a_review_that_cannot_be_converted_is_a_failed_call() {
    let body = body("CREATE", &json!({})).replace(r#""uid""#, r#""x":1,"x":2,"uid""#);
    let review = Review::parse(body.as_bytes()).unwrap();
    let table = Table::new([Ok(full(&json!({"a": 1}))), Ok(accept())]);
    let outcome = block(super::mutate(&chain(&[FAIL; 2]), &review, &[], &table));
    assert_eq!(failure_of(&outcome.trace, 1).0, FailureKind::Internal);
    assert!(outcome.response.is_err());
}

#[test]
fn an_empty_chain_accepts() {
    assert_eq!(patch_of(&mutates(&[], &Table::new([]))), Value::Null);
    assert_eq!(patch_of(&validates(&[], &Table::new([]))), Value::Null);
}

#[test]
fn the_detail_of_a_failure_is_not_sent_to_clients() {
    let failure: Failure = trap();
    assert_eq!(failure.detail.as_deref(), Some("secret"));
    let outcome = validates(&chain(&[FAIL]), &Table::new([Err(failure)]));
    assert!(!outcome.response.unwrap_err().message().contains("secret"));
}
