//! Tests of the evaluation of one policy outside of a chain.

use wire::RawValue;

use super::*;
use crate::admission::{SingleOutcome, single_policy};

fn evaluate(
    response: Result<Response, Failure>,
    on_failure: OnFailure,
    mode: Mode,
) -> SingleOutcome {
    let policy = Policy {
        mode,
        ..chain(&[on_failure]).remove(0).policy
    };
    let object = RawValue::from_string(json!({"a": 1}).to_string()).unwrap();
    let evaluated = Evaluated {
        response,
        timing: Timing::default(),
    };
    single_policy(&policy, "4711", Some(&object), evaluated)
}

fn changed() -> Response {
    Response {
        warnings: vec!["careful".to_owned()],
        ..full(&json!({"a": 2}))
    }
}

#[test]
fn returns_the_smallest_patch_and_the_policys_own_texts() {
    let response = evaluate(Ok(changed()), FAIL, Mode::Protect)
        .response
        .unwrap();
    let patch = json!([{"op": "replace", "path": "/a", "value": 2}]);
    assert_eq!(response.patch, Some(patch.to_string().into_bytes()));
    assert_eq!(response.patch_type, Some(PatchType::JsonPatch));
    assert_eq!(response.warnings, ["careful"]);

    let rejection = evaluate(Ok(reject("no", Some(418))), FAIL, Mode::Protect);
    let response = rejection.response.unwrap();
    assert!(!response.allowed);
    assert_eq!(response.status.unwrap().message, "no");
    assert!(matches!(
        rejection.outcome.response.unwrap().decision,
        Decision::Reject(_)
    ));
}

#[test]
fn an_unchanged_object_gives_no_patch() {
    let response = evaluate(Ok(full(&json!({"a": 1}))), FAIL, Mode::Protect);
    let response = response.response.unwrap();
    assert!(response.allowed && response.patch.is_none() && response.patch_type.is_none());
}

#[test]
fn a_failed_call_is_a_failure_unless_ignored() {
    let failed = evaluate(Err(trap()), FAIL, Mode::Protect);
    assert_eq!(failed.response.unwrap_err().kind, FailureKind::Trap);
    assert!(failed.outcome.response.is_err());

    let invalid = json_patch(&json!([{"op": "remove", "path": "/b"}]));
    let failed = evaluate(Ok(invalid), FAIL, Mode::Protect);
    assert_eq!(failed.response.unwrap_err().kind, FailureKind::Response);

    let ignored = evaluate(Err(trap()), IGNORE, Mode::Protect);
    assert!(ignored.response.unwrap().allowed);
}

#[test]
fn a_monitored_policy_only_contributes_warnings() {
    for response in [Ok(changed()), Ok(reject("no", None)), Err(trap())] {
        let monitored = evaluate(response, FAIL, Mode::Monitor);
        let response = monitored.response.unwrap();
        assert!(response.allowed && response.patch.is_none() && response.status.is_none());
        assert_eq!(response.uid, "4711");
        assert!(monitored.outcome.response.is_ok());
    }
    let monitored = evaluate(Ok(changed()), FAIL, Mode::Monitor);
    assert_eq!(monitored.response.unwrap().warnings, ["careful"]);
}
