//! Tests of the validating chain, its rejections and its failures.

use super::*;
use crate::admission::{mutate, validate};
use crate::rules::Target;

#[test]
fn rejects_changes_of_a_validating_policy() {
    let table = Table::new([Ok(full(&json!({"data": {}})))]);
    let outcome = validates(&chain(&[FAIL]), &table);
    assert_eq!(
        failure_of(&outcome.trace, 0),
        (
            FailureKind::Response,
            "a validating policy must not change the object"
        )
    );
    assert!(outcome.response.is_err());
}

#[test]
fn reports_every_rejection() {
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
    let response = outcome.response.unwrap().to_wire("u1");
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
fn keeps_valid_codes_reasons_and_causes_of_a_policy() {
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
fn a_rejection_stands_even_if_another_policy_failed() {
    let table = Table::new([Err(trap()), Ok(reject("no", None))]);
    let outcome = validates(&chain(&[FAIL; 2]), &table);
    assert_eq!(rejection_of(&outcome).message, "p1: no");
}

#[test]
fn reports_all_failed_policies_unless_ignored() {
    let table = Table::new([Err(trap()), Err(trap()), Err(trap()), Ok(accept())]);
    let outcome = validates(&chain(&[FAIL, IGNORE, FAIL, FAIL]), &table);
    assert_eq!(
        outcome.response.unwrap_err().message(),
        "policy `p0` failed: the module trapped; policy `p2` failed: the module trapped"
    );
    let outcome = validates(&chain(&[IGNORE; 4]), &table);
    assert_eq!(outcome.response.as_ref().unwrap().warnings.len(), 3);
    assert_eq!(patch_of(&outcome), Value::Null);
}

#[test]
fn skips_policies_without_a_matching_rule() {
    let mut policies = chain(&[FAIL; 3]);
    policies[0].policy.rules = vec![other_rule()];
    policies[1].policy.rules = vec![other_rule(), Rule::everything()];
    policies[2].policy.rules = vec![];
    for evaluate in [validates, mutates] {
        let table = Table::new([Err(trap()), Ok(accept()), Err(trap())]);
        let outcome = evaluate(&policies, &table);
        assert_eq!(table.evaluated(), [1]);
        assert_eq!(patch_of(&outcome), Value::Null);
        let skipped = StepOutcome::Skipped(SkipReason::NoRuleMatches);
        assert_eq!(outcome.trace.steps[0].outcome, skipped);
        assert_eq!(outcome.trace.steps[2].outcome, skipped);
    }
}

#[test]
fn skips_policies_that_were_already_evaluated() {
    let body = body("CREATE", &json!({}));
    let review = Review::parse(body.as_bytes()).unwrap();
    let earlier = Target {
        resource: "pods",
        ..Target::from(&review.request)
    };
    let mut policies = chain(&[FAIL; 2]);
    policies[0].policy.rules.push(other_rule());
    policies[1].policy.rules = vec![config_maps_rule()];
    let table = Table::new([Err(trap()), Ok(accept())]);
    let outcomes = [
        block(validate(&policies, &review, &[earlier], &table)),
        block(mutate(&policies, &review, &[earlier], &table)),
    ];
    assert_eq!(table.evaluated(), [1, 1]);
    for outcome in outcomes {
        assert_eq!(patch_of(&outcome), Value::Null);
        let skipped = StepOutcome::Skipped(SkipReason::AlreadyEvaluated);
        assert_eq!(outcome.trace.steps[0].outcome, skipped);
    }
}

#[test]
fn reports_an_overload_unless_another_policy_failed_otherwise() {
    let validate = |failures: [Failure; 2]| {
        validates(&chain(&[FAIL; 2]), &Table::new(failures.map(Err))).response
    };
    let overloaded = validate([overload(), overload()]).unwrap_err();
    assert!(matches!(overloaded, NoDecision::Overloaded(_)));
    let failed = validate([overload(), trap()]).unwrap_err();
    assert!(matches!(failed, NoDecision::PoliciesFailed(_)));
    let ignored = Table::new([Err(overload()), Err(trap())]);
    let overloaded = validates(&chain(&[FAIL, IGNORE]), &ignored).response;
    assert!(matches!(overloaded, Err(NoDecision::Overloaded(_))));
}

fn config_maps_rule() -> Rule {
    let list = |entry: &str| [entry.to_owned()];
    let resources = list("configmaps");
    Rule::new(&list("*"), &list("*"), &list("*"), &resources, None).unwrap()
}

/// An evaluator of two policies: the first responds only after the second was called.
struct FirstWaitsForSecond(usize);

impl Evaluate<Response> for FirstWaitsForSecond {
    type Context = AtomicBool;
    type Parsed = ();

    async fn evaluate(
        &self,
        _: &PolicyReview<'_, ()>,
        second_called: &AtomicBool,
    ) -> Evaluated<Response> {
        if self.0 == 1 {
            second_called.store(true, Ordering::Relaxed);
        }
        std::future::poll_fn(|_| {
            if second_called.load(Ordering::Relaxed) {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        Evaluated {
            response: Ok(reject(&self.0.to_string(), None)),
            timing: Timing::default(),
        }
    }
}

#[test]
fn a_long_call_does_not_delay_the_others() {
    let body = body("CREATE", &json!({}));
    let review = Review::parse(body.as_bytes()).unwrap();
    let waiting = chain(&[FAIL; 2]).into_iter().map(|entry| Entry {
        policy: entry.policy,
        evaluator: FirstWaitsForSecond(entry.evaluator.0),
    });
    let waiting: Vec<_> = waiting.collect();
    let outcome = block(validate(&waiting, &review, &[], &AtomicBool::new(false)));
    assert_eq!(rejection_of(&outcome).message, "p0: 0; p1: 1");
}
