//! Tests of the authorization chain and its checks.

use super::*;
use crate::testing::{Row, Table, block, chain_of, failure_of, trap, verdicts};
use crate::trace::Step;

const REVIEW: &str = r#"{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview",
    "spec":{"user":"jane","resourceAttributes":{"verb":"list","resource":"pods"}}}"#;

fn chain(on_failure: &[OnFailure]) -> Vec<Entry<Policy, Row>> {
    chain_of(on_failure.len(), |index, name| Policy {
        name,
        on_failure: on_failure[index],
        mode: Mode::Protect,
    })
}

fn evaluate(on_failure: &[OnFailure], table: &Table<Status>) -> Outcome {
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

const NO_OPINION: OnFailure = OnFailure::NoOpinion;
const DENY: OnFailure = OnFailure::Deny;

#[test]
fn the_first_policy_that_allows_or_denies_decides() {
    let table = Table::new([
        Ok(no_opinion("")),
        Ok(allowed("a friend")),
        Ok(denied("no")),
    ]);
    let outcome = evaluate(&[NO_OPINION; 3], &table);
    assert_eq!(outcome.decision, allow("a friend"));
    assert_eq!(table.evaluated(), [0, 1]);
    assert_eq!(verdicts(&outcome.trace)[2], None);

    let outcome = evaluate(
        &[NO_OPINION; 2],
        &Table::new([Ok(denied("no")), Ok(allowed(""))]),
    );
    assert_eq!(outcome.decision, deny("p0: no"));
}

#[test]
fn decisions_without_a_reason_name_the_policy() {
    let decision = |status| evaluate(&[NO_OPINION], &Table::new([Ok(status)])).decision;
    assert_eq!(decision(allowed("")), allow("allowed by policy `p0`"));
    assert_eq!(decision(denied("\u{7}")), deny("denied by policy `p0`"));
}

#[test]
fn reports_the_reasons_of_policies_without_an_opinion() {
    let table = Table::new([
        Ok(no_opinion("not a group")),
        Ok(no_opinion("")),
        Ok(no_opinion("late")),
    ]);
    let decision = evaluate(&[NO_OPINION; 3], &table).decision.unwrap();
    assert_eq!(decision.status(), no_opinion("p0: not a group; p2: late"));
}

#[test]
fn a_failure_with_policy_no_opinion_leaves_no_decision() {
    let outcome = evaluate(
        &[NO_OPINION; 2],
        &Table::new([Err(trap()), Ok(no_opinion("x"))]),
    );
    assert_eq!(
        outcome.decision.unwrap_err().message(),
        "policy `p0` failed: the module trapped"
    );
}

#[test]
fn a_later_policy_decides_after_a_failure() {
    let outcome = evaluate(
        &[NO_OPINION; 2],
        &Table::new([Err(trap()), Ok(denied("no"))]),
    );
    assert_eq!(outcome.decision, deny("p1: no"));
    let outcome = evaluate(
        &[NO_OPINION; 2],
        &Table::new([Err(trap()), Ok(allowed("yes"))]),
    );
    assert_eq!(outcome.decision, allow("yes"));
}

#[test]
fn a_failure_with_policy_deny_denies() {
    let table = Table::new([Err(trap()), Ok(allowed("yes"))]);
    let outcome = evaluate(&[DENY, NO_OPINION], &table);
    assert_eq!(
        outcome.decision,
        deny("policy `p0` failed: the module trapped")
    );
    assert_eq!(table.evaluated(), [0]);
    assert_eq!(
        outcome.trace.steps[0].failure().unwrap().1,
        Consequence::Denied
    );
}

/// S11: no opinion unless a policy decides; never both allowed and denied; raw selectors are
/// ignored.
#[test]
fn rejects_both_allowed_and_denied() {
    let both = Status {
        denied: true,
        ..allowed("x")
    };
    let outcome = evaluate(&[NO_OPINION], &Table::new([Ok(both)]));
    assert_eq!(
        failure_of(&outcome.trace, 0),
        (
            FailureKind::Response,
            "the status has both `allowed` and `denied`"
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
    let outcome = evaluate(&[NO_OPINION], &Table::new([Ok(status(no_opinion("")))]));
    assert_eq!(
        failure_of(&outcome.trace, 0),
        (FailureKind::Reported, "no database")
    );
    let outcome = evaluate(&[NO_OPINION], &Table::new([Ok(status(denied("no")))]));
    assert_eq!(outcome.decision, deny("p0: no"));
}

#[test]
fn evaluates_no_policy_on_a_malformed_review() {
    let both = REVIEW.replace(
        r#""user""#,
        r#""nonResourceAttributes":{"path":"/healthz","verb":"get"},"user""#,
    );
    let neither = r#"{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{"user":"jane"}}"#;
    for body in [both.as_str(), neither] {
        let review = Review::parse(body.as_bytes()).unwrap();
        let table = Table::new([Ok(allowed("yes"))]);
        let outcome = block(decide(&chain(&[NO_OPINION]), &review, &table));
        assert_eq!(outcome.decision.unwrap_err().message(), MALFORMED);
        assert!(table.evaluated().is_empty() && outcome.trace.steps.len() == 1);
    }
}

/// S11: no opinion unless a policy decides; never both allowed and denied; raw selectors are
/// ignored.
#[test]
fn an_empty_chain_has_no_opinion() {
    let decision = evaluate(&[], &Table::new([])).decision.unwrap();
    assert_eq!(decision.status(), Status::default());
}

#[test]
fn statuses_match_the_decisions() {
    let status = |decision: Result<Decision, _>| decision.unwrap().status();
    assert_eq!(status(allow("a")), allowed("a"));
    assert_eq!(status(deny("d")), denied("d"));
}

#[test]
fn a_monitored_policy_has_no_effect() {
    let mut chain = chain(&[OnFailure::Deny, OnFailure::NoOpinion, OnFailure::NoOpinion]);
    for entry in &mut chain {
        entry.policy.mode = Mode::Monitor;
    }
    let table = Table::new([Err(trap()), Ok(denied("not you")), Ok(allowed(""))]);
    let review = Review::parse(REVIEW.as_bytes()).unwrap();
    let outcome = block(decide(&chain, &review, &table));
    let no_opinion = Decision::NoOpinion {
        reason: String::new(),
    };
    assert_eq!(outcome.decision, Ok(no_opinion));
    let (_, consequence) = outcome.trace.steps[0].failure().unwrap();
    assert_eq!(consequence, Consequence::Ignored);
    let would_have = outcome.trace.steps.iter().map(Step::would_have);
    let verdicts: Vec<_> = would_have
        .map(|verdict| verdict.map(StepVerdict::as_str))
        .collect();
    assert_eq!(verdicts, [None, Some("denied"), Some("allowed")]);
}
