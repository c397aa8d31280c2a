//! Tests of the authenticator chain and of each of its guards.

use super::*;
use crate::failure::{Consequence, Failure, FailureKind};
use crate::testing::{Table, answers, block, failure_of, name, trap};
use crate::trace::Step;

const REVIEW: &str = r#"{"apiVersion":"authentication.k8s.io/v1beta1","kind":"TokenReview",
    "spec":{"token":"t","audiences":["api","other"]}}"#;

fn chain(length: usize) -> Vec<Policy> {
    let policy = |index| Policy {
        name: name(&format!("p{index}")),
        system_names: SystemNames::Refused,
        mode: Mode::Protect,
    };
    (0..length).map(policy).collect()
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

fn ask(chain: &[Policy], table: &Table<Status>) -> Outcome {
    let review = Review::parse(REVIEW.as_bytes()).unwrap();
    block(decide(chain, &review, table))
}

/// What one policy's answer comes to.
fn one(status: Status) -> Outcome {
    ask(&chain(1), &Table::new([Ok(status)]))
}

fn username(outcome: &Outcome) -> Option<&str> {
    match &outcome.decision {
        Ok(Decision::Authenticated(identity)) => Some(&identity.user.username),
        _ => None,
    }
}

/// The status is a failed call with this message, and nobody is authenticated.
fn refuses(status: Status, message: &str) {
    let outcome = one(status);
    assert_eq!(
        failure_of(&outcome.trace, 0),
        (FailureKind::Answer, message)
    );
    assert!(!outcome.status().authenticated);
    assert_eq!(
        outcome.status().error,
        format!("policy `p0` failed: {message}")
    );
}

#[test]
fn the_first_policy_that_knows_the_token_wins_and_later_ones_are_not_asked() {
    let table = Table::new([Ok(Status::default()), Ok(user("jane")), Ok(user("joe"))]);
    let outcome = ask(&chain(3), &table);
    assert_eq!(username(&outcome), Some("jane"));
    assert_eq!(table.asked(), [0, 1]);
    let jane = StepVerdict::Authenticated {
        username: "jane".into(),
    };
    assert_eq!(
        answers(&outcome.trace),
        [Some(&StepVerdict::UnknownToken), Some(&jane), None]
    );
}

#[test]
fn policies_see_the_review_in_v1() {
    let table = Table::new([Ok(Status::default())]);
    ask(&chain(1), &table);
    assert!(table.reviews()[0].contains("authentication.k8s.io/v1\""));
}

#[test]
fn a_token_that_nobody_knows_is_answered_without_an_error_so_that_it_is_cached() {
    let outcome = ask(
        &chain(2),
        &Table::new([Ok(Status::default()), Ok(Status::default())]),
    );
    assert_eq!(outcome.decision, Ok(Decision::Unknown));
    assert_eq!(outcome.status(), Status::default());
}

#[test]
fn after_a_failed_call_the_others_are_asked() {
    let outcome = ask(&chain(2), &Table::new([Err(trap()), Ok(user("jane"))]));
    assert_eq!(username(&outcome), Some("jane"));
    assert_eq!(outcome.status().error, "");
}

#[test]
fn a_failed_call_without_an_identity_is_an_error_that_names_the_policies() {
    let table = Table::new([Err(trap()), Ok(Status::default()), Err(trap())]);
    let status = ask(&chain(3), &table).status();
    assert!(!status.authenticated);
    assert_eq!(
        status.error,
        "policy `p0` failed: the module trapped; policy `p2` failed: the module trapped"
    );
}

#[test]
fn an_error_in_the_status_is_a_failed_call() {
    let outcome = one(Status {
        error: "no\ndatabase".into(),
        ..Status::default()
    });
    assert_eq!(
        failure_of(&outcome.trace, 0),
        (FailureKind::Reported, "no database")
    );
}

#[test]
fn refuses_an_identity_together_with_an_error() {
    let status = Status {
        error: "x".into(),
        ..user("jane")
    };
    refuses(status, "the token is authenticated and in error at once");
}

/// S10: no identity that Kubernetes keeps for itself, and none without a name.
#[test]
fn refuses_authenticated_users_without_a_name() {
    refuses(user(""), "the user has no name");
    let status = Status {
        authenticated: true,
        ..Status::default()
    };
    refuses(status, "the user has no name");
}

/// S10: no identity that Kubernetes keeps for itself, and none without a name.
#[test]
fn refuses_system_users_groups_and_extra_keys() {
    let told = "belongs to Kubernetes and is not granted to this policy";
    refuses(user("system:admin"), &format!("user `system:admin` {told}"));
    let mut status = user("jane");
    status.user.as_mut().unwrap().groups = vec!["dev".into(), "system:masters".into()];
    refuses(status, &format!("group `system:masters` {told}"));
    for key in ["authentication.kubernetes.io/pod-name", "k8s.io/a"] {
        refuses(with_extra(key), &format!("extra key `{key}` {told}"));
    }
}

#[test]
fn system_names_are_the_operators_to_grant() {
    let mut status = with_extra("authentication.kubernetes.io/pod-name");
    status.user.as_mut().unwrap().groups = vec!["system:masters".into()];
    let mut chain = chain(1);
    chain[0].system_names = SystemNames::Granted;
    let outcome = ask(&chain, &Table::new([Ok(status)]));
    assert_eq!(username(&outcome), Some("jane"));
}

fn with_extra(key: &str) -> Status {
    let mut status = user("jane");
    let extra = &mut status.user.as_mut().unwrap().extra;
    extra.insert(key.into(), vec!["v".into()]);
    status
}

/// S10: no identity that Kubernetes keeps for itself, and none without a name.
#[test]
fn refuses_extra_keys_that_are_not_lower_case_or_not_well_formed() {
    for (key, problem) in [
        ("", "is empty"),
        ("Scopes", "is not lower-case"),
        ("Ä", "is not lower-case"),
        ("a b", "has a character that is not allowed"),
        ("ä", "has a character that is not allowed"),
        ("/a", "is not of the form `domain/name`"),
        ("example.com/", "is not of the form `domain/name`"),
        ("-a/b", "is not of the form `domain/name`"),
        ("a..b/c", "is not of the form `domain/name`"),
    ] {
        refuses(with_extra(key), &format!("extra key `{key}` {problem}"));
    }
    for key in ["scopes", "example.com/a/b", "notk8s.io/a", "a-b.c/x_y~1%2f"] {
        assert_eq!(username(&one(with_extra(key))), Some("jane"), "{key}");
    }
}

fn audiences(audiences: &[&str]) -> Outcome {
    one(Status {
        audiences: audiences.iter().map(|&audience| audience.into()).collect(),
        ..user("jane")
    })
}

#[test]
fn answers_only_the_audiences_that_were_asked_for() {
    let status = audiences(&["mine", "other", "api"]).status();
    assert_eq!(status.audiences, ["api", "other"]);
}

#[test]
fn a_token_for_other_audiences_is_unknown_because_an_empty_list_would_mean_all() {
    let outcome = audiences(&["mine"]);
    assert_eq!(outcome.status(), Status::default());
    assert_eq!(
        answers(&outcome.trace),
        [Some(&StepVerdict::AudienceMismatch)]
    );
}

#[test]
fn a_policy_that_knows_no_audiences_answers_none() {
    let status = audiences(&[]).status();
    assert!(status.authenticated && status.audiences.is_empty());
}

#[test]
fn audiences_are_passed_on_when_none_were_asked_for() {
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
fn a_review_that_cannot_be_passed_on_is_a_failed_call() {
    let body = REVIEW.replace(r#""spec""#, r#""x":1,"x":2,"spec""#);
    let review = Review::parse(body.as_bytes()).unwrap();
    let table = Table::new([Ok(user("jane"))]);
    let outcome = block(decide(&chain(1), &review, &table));
    assert_eq!(failure_of(&outcome.trace, 0).0, FailureKind::Host);
    assert!(outcome.decision.is_err() && table.asked().is_empty());
}

#[test]
fn an_empty_chain_knows_nobody() {
    assert_eq!(ask(&[], &Table::new([])).decision, Ok(Decision::Unknown));
}

#[test]
fn the_trace_is_written_with_times_in_microseconds_and_the_operators_detail() {
    let failure = Failure::new(FailureKind::Trap, "trapped").with_detail("stack".into());
    let table = Table::new([Err(failure), Ok(user("jane")), Ok(Status::default())]);
    let trace = ask(&chain(3), &table).trace;
    assert_eq!(
        serde_json::to_value(trace).unwrap(),
        serde_json::json!({"steps": [
            {"policy": "p0", "asked": {"afterMicros": 3, "elapsedMicros": 7, "answer": {"failed": {
                "failure": {"kind": "trap", "message": "trapped", "detail": "stack"},
                "consequence": "undecided"}}}},
            {"policy": "p1", "asked": {"afterMicros": 3, "elapsedMicros": 7, "answer": {"authenticated": {"username": "jane"}}}},
            {"policy": "p2", "skipped": "decided"},
        ]})
    );
}

#[test]
fn a_watched_policy_neither_authenticates_nor_makes_the_chain_undecided() {
    let mut chain = chain(3);
    chain[0].mode = Mode::Monitor;
    chain[1].mode = Mode::Monitor;
    let table = Table::new([Err(trap()), Ok(user("root")), Ok(user("jane"))]);
    let outcome = ask(&chain, &table);
    assert_eq!(username(&outcome), Some("jane"));
    let would_have: Vec<_> = outcome.trace.steps.iter().map(Step::would_have).collect();
    let root = StepVerdict::Authenticated {
        username: "root".into(),
    };
    assert_eq!(would_have, [None, Some(&root), None]);
    let (_, consequence) = outcome.trace.steps[0].failure().unwrap();
    assert_eq!(consequence, Consequence::Ignored);

    chain.pop();
    let outcome = ask(&chain, &Table::new([Err(trap()), Ok(user("root"))]));
    assert_eq!(outcome.decision.unwrap(), Decision::Unknown);
}
