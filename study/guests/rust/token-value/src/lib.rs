//! A TokenReview check in the original's style: the review is a tree of JSON values from beginning to end.

use serde_json::{Value, json};

ways::export!(answer);

#[cfg(not(feature = "own"))]
fn answer(input: &[u8]) -> Vec<u8> {
    let review = serde_json::from_slice(input).expect("a review is JSON");
    serde_json::to_vec(&answered(review)).expect("a value is JSON")
}

/// The same in the envelope of k8s-wasm.
#[cfg(feature = "own")]
fn answer(input: &[u8]) -> Vec<u8> {
    let mut envelope: Value = serde_json::from_slice(input).expect("an envelope is JSON");
    let response = answered(envelope["request"].take());
    serde_json::to_vec(&json!({"response": response})).expect("a value is JSON")
}

fn answered(mut review: Value) -> Value {
    review["status"] = if review["spec"]["token"] == "magic-token" {
        json!({
            "authenticated": true,
            "user": {"username": "magic-user", "uid": "0", "groups": ["magic-group"]},
            "audiences": review["spec"]["audiences"],
        })
    } else {
        json!({"authenticated": false})
    };
    review
}
