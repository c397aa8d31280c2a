//! A TokenReview check in the style of the original project: the review is a tree of JSON values.

use serde_json::{Value, json};

conventions::export!(respond);

#[cfg(not(feature = "own"))]
fn respond(input: &[u8]) -> Vec<u8> {
    let review = serde_json::from_slice(input).expect("the review is JSON");
    serde_json::to_vec(&respond_to(review)).expect("the response is JSON")
}

/// Returns the response in the envelope of k8s-wasm.
#[cfg(feature = "own")]
fn respond(input: &[u8]) -> Vec<u8> {
    let mut envelope: Value = serde_json::from_slice(input).expect("the envelope is JSON");
    let response = respond_to(envelope["request"].take());
    serde_json::to_vec(&json!({"response": response})).expect("the response is JSON")
}

fn respond_to(mut review: Value) -> Value {
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
