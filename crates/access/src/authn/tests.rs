//! Tests of the authentication chain and its checks.

use wire::meta::UserInfo;

use super::*;
use crate::failure::{Consequence, Failure, FailureKind};
use crate::testing::{Row, Table, block, chain_of, failure_of, overload, trap, verdicts};
use crate::trace::Step;

const REVIEW: &str = r#"{"apiVersion":"authentication.k8s.io/v1beta1","kind":"TokenReview",
    "spec":{"token":"t","audiences":["api","other"]}}"#;

fn chain(length: usize) -> Vec<Entry<Policy, Row>> {
    chain_of(length, |_, name| Policy {
        name,
        system_names: SystemNames::Refused,
        mode: Mode::Protect,
    })
}

fn user(username: &str) -> Status {
    Status {
        authenticated: true,
        user: Some(UserInfo {
            username: username.into(),
            ..UserInfo::default()
        }),
        ..Status::default()
    }
}

fn evaluate(chain: &[Entry<Policy, Row>], table: &Table<Status>) -> Outcome {
    let review = Review::parse(REVIEW.as_bytes()).unwrap();
    block(decide(chain, &review, table))
}

/// Evaluates a chain of one policy with this response.
fn evaluate_one(status: Status) -> Outcome {
    evaluate(&chain(1), &Table::new([Ok(status)]))
}

fn username(outcome: &Outcome) -> Option<&str> {
    match &outcome.decision {
        Ok(Decision::Authenticated(identity)) => Some(&identity.user.username),
        _ => None,
    }
}

/// Asserts that the status is a failed call with this message and authenticates no user.
fn rejects(status: Status, message: &str) {
    let outcome = evaluate_one(status);
    assert_eq!(
        failure_of(&outcome.trace, 0),
        (FailureKind::Response, message)
    );
    assert!(!outcome.status().authenticated);
    assert_eq!(
        outcome.status().error,
        format!("policy `p0` failed: {message}")
    );
}

#[test]
fn the_first_policy_that_recognizes_the_token_ends_the_chain() {
    let table = Table::new([Ok(Status::default()), Ok(user("jane")), Ok(user("joe"))]);
    let outcome = evaluate(&chain(3), &table);
    assert_eq!(username(&outcome), Some("jane"));
    assert_eq!(table.evaluated(), [0, 1]);
    let jane = StepVerdict::Authenticated {
        username: "jane".into(),
    };
    assert_eq!(
        verdicts(&outcome.trace),
        [Some(&StepVerdict::UnknownToken), Some(&jane), None]
    );
}

#[test]
fn policies_see_the_review_in_v1() {
    let table = Table::new([Ok(Status::default())]);
    evaluate(&chain(1), &table);
    assert!(table.reviews()[0].contains("authentication.k8s.io/v1\""));
}

#[test]
fn an_unknown_token_has_no_error_and_is_cached() {
    let outcome = evaluate(
        &chain(2),
        &Table::new([Ok(Status::default()), Ok(Status::default())]),
    );
    assert_eq!(outcome.decision, Ok(Decision::Unknown));
    assert_eq!(outcome.status(), Status::default());
}

#[test]
fn evaluates_later_policies_after_a_failure() {
    let outcome = evaluate(&chain(2), &Table::new([Err(trap()), Ok(user("jane"))]));
    assert_eq!(username(&outcome), Some("jane"));
    assert_eq!(outcome.status().error, "");
}

#[test]
fn reports_failed_policies_if_no_policy_recognizes_the_token() {
    let table = Table::new([Err(trap()), Ok(Status::default()), Err(trap())]);
    let status = evaluate(&chain(3), &table).status();
    assert!(!status.authenticated);
    assert_eq!(
        status.error,
        "policy `p0` failed: the module trapped; policy `p2` failed: the module trapped"
    );
}

#[test]
fn overload_is_reported_unless_another_policy_failed_otherwise() {
    let decision =
        |failures: [Failure; 2]| evaluate(&chain(2), &Table::new(failures.map(Err))).decision;
    assert!(matches!(
        decision([overload(), overload()]),
        Err(NoDecision::Overloaded(_))
    ));
    assert!(matches!(
        decision([overload(), trap()]),
        Err(NoDecision::PoliciesFailed(_))
    ));
}

#[test]
fn an_error_in_the_status_is_a_failed_call() {
    let outcome = evaluate_one(Status {
        error: "no\ndatabase".into(),
        ..Status::default()
    });
    assert_eq!(
        failure_of(&outcome.trace, 0),
        (FailureKind::Reported, "no database")
    );
}

#[test]
fn rejects_an_identity_with_an_error() {
    let status = Status {
        error: "x".into(),
        ..user("jane")
    };
    rejects(status, "the status has both `authenticated` and `error`");
}

/// S10: no identity that is reserved for Kubernetes, and none without a name.
#[test]
fn rejects_users_without_a_name() {
    rejects(user(""), "the user has no name");
    let status = Status {
        authenticated: true,
        ..Status::default()
    };
    rejects(status, "the user has no name");
}

/// S10: no identity that is reserved for Kubernetes, and none without a name.
#[test]
fn rejects_reserved_users_groups_and_extra_keys() {
    let problem = "is reserved for Kubernetes and not granted to this policy";
    rejects(
        user("system:admin"),
        &format!("user `system:admin` {problem}"),
    );
    let mut status = user("jane");
    status.user.as_mut().unwrap().groups = vec!["dev".into(), "system:masters".into()];
    rejects(status, &format!("group `system:masters` {problem}"));
    for key in ["authentication.kubernetes.io/pod-name", "k8s.io/a"] {
        rejects(with_extra(key), &format!("extra key `{key}` {problem}"));
    }
}

#[test]
fn accepts_granted_system_names() {
    let mut status = with_extra("authentication.kubernetes.io/pod-name");
    status.user.as_mut().unwrap().groups = vec!["system:masters".into()];
    let mut chain = chain(1);
    chain[0].policy.system_names = SystemNames::Granted;
    let outcome = evaluate(&chain, &Table::new([Ok(status)]));
    assert_eq!(username(&outcome), Some("jane"));
}

fn with_extra(key: &str) -> Status {
    let mut status = user("jane");
    let extra = &mut status.user.as_mut().unwrap().extra;
    extra.insert(key.into(), vec!["v".into()]);
    status
}

/// S10: no identity that is reserved for Kubernetes, and none without a name.
#[test]
fn rejects_malformed_extra_keys() {
    for (key, problem) in [
        ("", "is empty"),
        ("Scopes", "is not lower case"),
        ("Ä", "is not lower case"),
        ("a b", "contains an invalid character"),
        ("ä", "contains an invalid character"),
        ("/a", "is not of the form `domain/name`"),
        ("example.com/", "is not of the form `domain/name`"),
        ("-a/b", "is not of the form `domain/name`"),
        ("a..b/c", "is not of the form `domain/name`"),
    ] {
        rejects(with_extra(key), &format!("extra key `{key}` {problem}"));
    }
    for key in ["scopes", "example.com/a/b", "notk8s.io/a", "a-b.c/x_y~1%2f"] {
        assert_eq!(
            username(&evaluate_one(with_extra(key))),
            Some("jane"),
            "{key}"
        );
    }
}

fn audiences(audiences: &[&str]) -> Outcome {
    evaluate_one(Status {
        audiences: audiences.iter().map(|&audience| audience.into()).collect(),
        ..user("jane")
    })
}

#[test]
fn returns_only_requested_audiences() {
    let status = audiences(&["mine", "other", "api"]).status();
    assert_eq!(status.audiences, ["api", "other"]);
}

#[test]
fn a_token_for_other_audiences_is_unknown() {
    // kube-apiserver would take an empty list as its own audiences.
    let outcome = audiences(&["mine"]);
    assert_eq!(outcome.status(), Status::default());
    assert_eq!(
        verdicts(&outcome.trace),
        [Some(&StepVerdict::AudienceMismatch)]
    );
}

#[test]
fn a_policy_without_audiences_returns_none() {
    let status = audiences(&[]).status();
    assert!(status.authenticated && status.audiences.is_empty());
}

#[test]
fn returns_all_audiences_if_none_were_requested() {
    let body = REVIEW.replace(r#","audiences":["api","other"]"#, "");
    let review = Review::parse(body.as_bytes()).unwrap();
    let status = Status {
        audiences: vec!["mine".into()],
        ..user("jane")
    };
    let outcome = block(decide(&chain(1), &review, &Table::new([Ok(status)])));
    assert_eq!(outcome.status().audiences, ["mine"]);
}

#[test]
fn a_review_that_cannot_be_converted_is_a_failed_call() {
    let body = REVIEW.replace(r#""spec""#, r#""x":1,"x":2,"spec""#);
    let review = Review::parse(body.as_bytes()).unwrap();
    let table = Table::new([Ok(user("jane"))]);
    let outcome = block(decide(&chain(1), &review, &table));
    assert_eq!(failure_of(&outcome.trace, 0).0, FailureKind::Internal);
    assert!(outcome.decision.is_err() && table.evaluated().is_empty());
}

#[test]
fn an_empty_chain_recognizes_no_token() {
    assert_eq!(
        evaluate(&[], &Table::new([])).decision,
        Ok(Decision::Unknown)
    );
}

#[test]
fn serializes_the_trace() {
    let failure = Failure::new(FailureKind::Trap, "trapped").with_detail("stack".into());
    let table = Table::new([Err(failure), Ok(user("jane")), Ok(Status::default())]);
    let trace = evaluate(&chain(3), &table).trace;
    assert_eq!(
        serde_json::to_value(trace).unwrap(),
        serde_json::json!({"steps": [
            {"policy": "p0", "evaluated": {"startMicros": 3, "durationMicros": 7, "verdict": {"failed": {
                "failure": {"kind": "trap", "message": "trapped", "detail": "stack"},
                "consequence": "noDecision"}}}},
            {"policy": "p1", "evaluated": {"startMicros": 3, "durationMicros": 7, "verdict": {"authenticated": {"username": "jane"}}}},
            {"policy": "p2", "skipped": "alreadyDecided"},
        ]})
    );
}

#[test]
fn a_monitored_policy_has_no_effect() {
    let mut chain = chain(3);
    chain[0].policy.mode = Mode::Monitor;
    chain[1].policy.mode = Mode::Monitor;
    let table = Table::new([Err(trap()), Ok(user("root")), Ok(user("jane"))]);
    let outcome = evaluate(&chain, &table);
    assert_eq!(username(&outcome), Some("jane"));
    let would_have: Vec<_> = outcome.trace.steps.iter().map(Step::would_have).collect();
    let root = StepVerdict::Authenticated {
        username: "root".into(),
    };
    assert_eq!(would_have, [None, Some(&root), None]);
    let (_, consequence) = outcome.trace.steps[0].failure().unwrap();
    assert_eq!(consequence, Consequence::Ignored);

    chain.pop();
    let outcome = evaluate(&chain, &Table::new([Err(trap()), Ok(user("root"))]));
    assert_eq!(outcome.decision.unwrap(), Decision::Unknown);
}
