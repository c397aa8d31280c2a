//! Tests of the authorizer chain and of each of its guards.

use super::*;
use crate::testing::{Table, answers, block, failure_of, name, trap};
use crate::trace::Step;

const REVIEW: &str = r#"{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview",
    "spec":{"user":"jane","resourceAttributes":{"verb":"list","resource":"pods"}}}"#;

fn chain(on_failure: &[OnFailure]) -> Vec<Policy> {
    let policies = on_failure.iter().enumerate();
    policies
        .map(|(index, &on_failure)| Policy {
            name: name(&format!("p{index}")),
            on_failure,
            mode: Mode::Protect,
        })
        .collect()
}

fn ask(on_failure: &[OnFailure], table: &Table<Status>) -> Outcome {
    let review = Review::parse(REVIEW.as_bytes()).unwrap();
    block(decide(&chain(on_failure), &review, table))
}

fn allowed(reason: &str) -> Status {
    Status {
        allowed: true,
        reason: reason.into(),
        ..Status::default()
    }
}

fn denied(reason: &str) -> Status {
    Status {
        denied: true,
        reason: reason.into(),
        ..Status::default()
    }
}

fn no_opinion(reason: &str) -> Status {
    Status {
        reason: reason.into(),
        ..Status::default()
    }
}

fn deny(reason: &str) -> Result<Decision, NoDecision> {
    Ok(Decision::Deny {
        reason: reason.into(),
    })
}

fn allow(reason: &str) -> Result<Decision, NoDecision> {
    Ok(Decision::Allow {
        reason: reason.into(),
    })
}

const ADDS: OnFailure = OnFailure::NoOpinion;
const VETOES: OnFailure = OnFailure::Deny;

#[test]
fn the_first_policy_that_allows_or_denies_decides() {
    let table = Table::new([
        Ok(no_opinion("")),
        Ok(allowed("a friend")),
        Ok(denied("no")),
    ]);
    let outcome = ask(&[ADDS; 3], &table);
    assert_eq!(outcome.decision, allow("a friend"));
    assert_eq!(table.asked(), [0, 1]);
    assert_eq!(answers(&outcome.trace)[2], None);

    let outcome = ask(&[ADDS; 2], &Table::new([Ok(denied("no")), Ok(allowed(""))]));
    assert_eq!(outcome.decision, deny("p0: no"));
}

#[test]
fn decisions_without_a_reason_name_the_policy() {
    let decision = |status| ask(&[ADDS], &Table::new([Ok(status)])).decision;
    assert_eq!(decision(allowed("")), allow("allowed by policy `p0`"));
    assert_eq!(decision(denied("\u{7}")), deny("denied by policy `p0`"));
}

#[test]
fn without_a_decision_the_reasons_are_told() {
    let table = Table::new([
        Ok(no_opinion("not a group")),
        Ok(no_opinion("")),
        Ok(no_opinion("late")),
    ]);
    let decision = ask(&[ADDS; 3], &table).decision.unwrap();
    assert_eq!(decision.status(), no_opinion("p0: not a group; p2: late"));
}

#[test]
fn a_policy_that_only_adds_permissions_and_fails_leaves_the_chain_undecided() {
    let outcome = ask(&[ADDS; 2], &Table::new([Err(trap()), Ok(no_opinion("x"))]));
    assert_eq!(
        outcome.decision.unwrap_err().message,
        "policy `p0` failed: the module trapped"
    );
}

#[test]
fn another_policy_may_still_decide_after_a_failed_one() {
    let outcome = ask(&[ADDS; 2], &Table::new([Err(trap()), Ok(denied("no"))]));
    assert_eq!(outcome.decision, deny("p1: no"));
    let outcome = ask(&[ADDS; 2], &Table::new([Err(trap()), Ok(allowed("yes"))]));
    assert_eq!(outcome.decision, allow("yes"));
}

#[test]
fn a_policy_that_may_veto_denies_when_it_fails() {
    let table = Table::new([Err(trap()), Ok(allowed("yes"))]);
    let outcome = ask(&[VETOES, ADDS], &table);
    assert_eq!(
        outcome.decision,
        deny("policy `p0` failed: the module trapped")
    );
    assert_eq!(table.asked(), [0]);
    assert_eq!(
        outcome.trace.steps[0].failure().unwrap().1,
        Consequence::Denied
    );
}

/// S11: no opinion unless somebody has one; never allowed and denied at once; raw selectors are not read.
#[test]
fn refuses_allowed_and_denied_at_once() {
    let both = Status {
        denied: true,
        ..allowed("x")
    };
    let outcome = ask(&[ADDS], &Table::new([Ok(both)]));
    assert_eq!(
        failure_of(&outcome.trace, 0),
        (
            FailureKind::Answer,
            "the request is allowed and denied at once"
        )
    );
    assert!(outcome.decision.is_err());
}

#[test]
fn an_evaluation_error_without_a_decision_is_a_failed_call() {
    let status = |status: Status| Status {
        evaluation_error: "no database".into(),
        ..status
    };
    let outcome = ask(&[ADDS], &Table::new([Ok(status(no_opinion("")))]));
    assert_eq!(
        failure_of(&outcome.trace, 0),
        (FailureKind::Reported, "no database")
    );
    let outcome = ask(&[ADDS], &Table::new([Ok(status(denied("no")))]));
    assert_eq!(outcome.decision, deny("p0: no"));
}

#[test]
fn nobody_is_asked_about_a_review_that_contradicts_itself() {
    let both = REVIEW.replace(
        r#""user""#,
        r#""nonResourceAttributes":{"path":"/healthz","verb":"get"},"user""#,
    );
    let neither = r#"{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{"user":"jane"}}"#;
    for body in [both.as_str(), neither] {
        let review = Review::parse(body.as_bytes()).unwrap();
        let table = Table::new([Ok(allowed("yes"))]);
        let outcome = block(decide(&chain(&[ADDS]), &review, &table));
        assert_eq!(outcome.decision.unwrap_err().message, MALFORMED);
        assert!(table.asked().is_empty() && outcome.trace.steps.len() == 1);
    }
}

/// S11: no opinion unless somebody has one; never allowed and denied at once; raw selectors are not read.
#[test]
fn an_empty_chain_has_no_opinion() {
    let decision = ask(&[], &Table::new([])).decision.unwrap();
    assert_eq!(decision.status(), Status::default());
}

#[test]
fn statuses_say_what_was_decided() {
    let status = |decision: Result<Decision, _>| decision.unwrap().status();
    assert_eq!(status(allow("a")), allowed("a"));
    assert_eq!(status(deny("d")), denied("d"));
}

#[test]
fn a_watched_policy_neither_allows_nor_denies_nor_fails_a_request() {
    let mut chain = chain(&[OnFailure::Deny, OnFailure::NoOpinion, OnFailure::NoOpinion]);
    for policy in &mut chain {
        policy.mode = Mode::Monitor;
    }
    let table = Table::new([Err(trap()), Ok(denied("not you")), Ok(allowed(""))]);
    let review = Review::parse(REVIEW.as_bytes()).unwrap();
    let outcome = block(decide(&chain, &review, &table));
    let silence = Decision::NoOpinion {
        reason: String::new(),
    };
    assert_eq!(outcome.decision, Ok(silence));
    let (_, consequence) = outcome.trace.steps[0].failure().unwrap();
    assert_eq!(consequence, Consequence::Ignored);
    let would_have = outcome.trace.steps.iter().map(Step::would_have);
    let words: Vec<_> = would_have
        .map(|answer| answer.map(StepVerdict::as_str))
        .collect();
    assert_eq!(words, [None, Some("denied"), Some("allowed")]);
}
