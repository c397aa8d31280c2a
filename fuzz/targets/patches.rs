//! Mutations of objects. The first line of an input is the object; the rest is the complete mutated
//! object, or a patch.
#![no_main]

use access::patch::{Patch, PatchError};
use fuzz::json::is_equal;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use wire::RawValue;

fuzz_target!(|input: &[u8]| {
    let mut lines = input.splitn(2, |byte| *byte == b'\n');
    let (Some(before), Some(change)) = (lines.next(), lines.next()) else {
        return;
    };
    let Ok(before) = serde_json::from_slice::<&RawValue>(before) else {
        return;
    };
    whole_object(before, change);
    json_patch(before, change);
});

/// Asserts that the patch produces the mutated object.
fn whole_object(before: &RawValue, after: &[u8]) {
    let Some(patch) = checked(before, Patch::from_full(before, after)) else {
        return;
    };
    let wanted: Value = serde_json::from_slice(after).expect("the text was parsed before");
    let object = patch.object();
    assert!(is_equal(&read(&object), &wanted), "{}", object.get());
    let again = Patch::from_full(&object, after).expect("the same object was accepted before");
    assert!(again.is_empty(), "{again:?}");
}

/// Asserts that the patch has the effect of the module's patch.
fn json_patch(before: &RawValue, patch: &[u8]) {
    let Some(minimal) = checked(before, Patch::from_json_patch(before, patch)) else {
        return;
    };
    let mut object = read(before);
    // The reference implementation accepts fewer patches, and compares numbers differently.
    let Ok(patch) = serde_json::from_slice::<json_patch::Patch>(patch) else {
        return;
    };
    if json_patch::patch(&mut object, &patch).is_ok() {
        let found = minimal.object();
        assert!(is_equal(&read(&found), &object), "{} {object}", found.get());
    }
}

/// Asserts that the patch that is sent produces the object that the next policy receives, with
/// operations that cannot fail. Returns the patch if there is one.
fn checked(before: &RawValue, patch: Result<Patch, PatchError>) -> Option<Patch> {
    let patch = match patch {
        Ok(patch) => patch,
        Err(PatchError::Unverified) => panic!("the minimal patch does not produce the object"),
        Err(error) => {
            assert!(error.to_string().len() < 4096 + before.get().len());
            return None;
        }
    };
    let sent: Value = serde_json::from_slice(&patch.to_json()).expect("the patch is JSON");
    let operations = sent.as_array().expect("the patch is a list");
    assert_eq!(operations.len(), patch.len());
    for operation in operations {
        let op = operation["op"].as_str();
        assert!(matches!(op, Some("add" | "remove" | "replace")), "{sent}");
    }
    let mut object = read(before);
    let sent: json_patch::Patch =
        serde_json::from_value(sent.clone()).expect("the text is a patch");
    json_patch::patch(&mut object, &sent).expect("the patch applies");
    assert!(is_equal(&object, &read(&patch.object())), "{object}");
    Some(patch)
}

fn read(json: &RawValue) -> Value {
    serde_json::from_str(json.get()).expect("the text was parsed before")
}
