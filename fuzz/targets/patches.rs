//! Changes of objects. The first line of an input is the object before; the rest is the whole changed object, or a patch.
#![no_main]

use access::patch::{Patch, PatchError};
use fuzz::json::same;
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

/// The patch leads to the object that was meant.
fn whole_object(before: &RawValue, after: &[u8]) {
    let Some(patch) = checked(before, Patch::from_full(before, after)) else {
        return;
    };
    let wanted: Value = serde_json::from_slice(after).expect("was read before");
    let object = patch.object();
    assert!(same(&read(&object), &wanted), "{}", object.get());
    let again = Patch::from_full(&object, after).expect("was possible before");
    assert!(again.is_empty(), "{again:?}");
}

/// The patch does what the module's own one does.
fn json_patch(before: &RawValue, patch: &[u8]) {
    let Some(smallest) = checked(before, Patch::from_json_patch(before, patch)) else {
        return;
    };
    let mut object = read(before);
    // Differs from ours in what it takes for a patch, which is less, and in how it compares numbers.
    let Ok(patch) = serde_json::from_slice::<json_patch::Patch>(patch) else {
        return;
    };
    if json_patch::patch(&mut object, &patch).is_ok() {
        let found = smallest.object();
        assert!(same(&read(&found), &object), "{} {object}", found.get());
    }
}

/// What is sent leads to the object that is shown to the next policy, by operations that cannot fail.
fn checked(before: &RawValue, patch: Result<Patch, PatchError>) -> Option<Patch> {
    let patch = match patch {
        Ok(patch) => patch,
        Err(PatchError::Unverified) => panic!("the smallest patch is wrong"),
        Err(error) => {
            assert!(error.to_string().len() < 4096 + before.get().len());
            return None;
        }
    };
    let sent: Value = serde_json::from_slice(&patch.to_json()).expect("JSON");
    let operations = sent.as_array().expect("a list");
    assert_eq!(operations.len(), patch.len());
    for operation in operations {
        let op = operation["op"].as_str();
        assert!(matches!(op, Some("add" | "remove" | "replace")), "{sent}");
    }
    let mut object = read(before);
    let sent: json_patch::Patch = serde_json::from_value(sent.clone()).expect("a patch");
    json_patch::patch(&mut object, &sent).expect("applies");
    assert!(same(&object, &read(&patch.object())), "{object}");
    Some(patch)
}

fn read(json: &RawValue) -> Value {
    serde_json::from_str(json.get()).expect("was read before")
}
