//! The validating chain, and how rejections and failures are told.

use super::*;

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
            timing: Timing::default(),
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
