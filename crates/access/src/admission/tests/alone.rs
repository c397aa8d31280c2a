//! One policy by itself: its own words, as far as they count.

use wire::RawValue;

use super::*;

fn asked(answer: Result<Response, Failure>, on_failure: OnFailure, mode: Mode) -> Alone {
    let policy = Policy {
        mode,
        ..chain(&[on_failure]).remove(0)
    };
    let object = RawValue::from_string(json!({"a": 1}).to_string()).unwrap();
    let asked = Asked {
        answer,
        timing: Timing::default(),
    };
    alone(&policy, "4711", Some(&object), asked)
}

fn changed() -> Response {
    Response {
        warnings: vec!["mind".to_owned()],
        ..full(&json!({"a": 2}))
    }
}

#[test]
fn a_change_is_the_smallest_patch_and_the_words_are_its_own() {
    let response = asked(Ok(changed()), FAIL, Mode::Protect).response.unwrap();
    let patch = json!([{"op": "replace", "path": "/a", "value": 2}]);
    assert_eq!(response.patch, Some(patch.to_string().into_bytes()));
    assert_eq!(response.patch_type, Some(PatchType::JsonPatch));
    assert_eq!(response.warnings, ["mind"]);

    let rejection = asked(Ok(reject("no", Some(418))), FAIL, Mode::Protect);
    let response = rejection.response.unwrap();
    assert!(!response.allowed);
    assert_eq!(response.status.unwrap().message, "no");
    assert!(matches!(
        rejection.outcome.answer.unwrap().decision,
        Decision::Reject(_)
    ));
}

#[test]
fn a_change_of_nothing_is_none() {
    let response = asked(Ok(full(&json!({"a": 1}))), FAIL, Mode::Protect);
    let response = response.response.unwrap();
    assert!(response.allowed && response.patch.is_none() && response.patch_type.is_none());
}

#[test]
fn a_failed_call_is_a_failure_unless_it_is_ignored() {
    let failed = asked(Err(trap()), FAIL, Mode::Protect);
    assert_eq!(failed.response.unwrap_err().kind, FailureKind::Trap);
    assert!(failed.outcome.answer.is_err());

    let no_patch = json_patch(&json!([{"op": "remove", "path": "/b"}]));
    let failed = asked(Ok(no_patch), FAIL, Mode::Protect);
    assert_eq!(failed.response.unwrap_err().kind, FailureKind::Answer);

    let ignored = asked(Err(trap()), IGNORE, Mode::Protect);
    assert!(ignored.response.unwrap().allowed);
}

#[test]
fn nothing_but_remarks_count_of_a_policy_that_is_watched() {
    for answer in [Ok(changed()), Ok(reject("no", None)), Err(trap())] {
        let watched = asked(answer, FAIL, Mode::Monitor);
        let response = watched.response.unwrap();
        assert!(response.allowed && response.patch.is_none() && response.status.is_none());
        assert_eq!(response.uid, "4711");
        assert!(watched.outcome.answer.is_ok());
    }
    let watched = asked(Ok(changed()), FAIL, Mode::Monitor);
    assert_eq!(watched.response.unwrap().warnings, ["mind"]);
}
