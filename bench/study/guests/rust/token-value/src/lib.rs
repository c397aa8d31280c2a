//! A TokenReview check in the original's style: the review is a tree of JSON values from beginning to end.

use serde_json::{Value, json};

ways::export!(answer);

fn answer(input: &[u8]) -> Vec<u8> {
    let mut review: Value = serde_json::from_slice(input).expect("a review is JSON");
    let status = if review["spec"]["token"] == "magic-token" {
        json!({
            "authenticated": true,
            "user": {"username": "magic-user", "uid": "0", "groups": ["magic-group"]},
            "audiences": review["spec"]["audiences"],
        })
    } else {
        json!({"authenticated": false})
    };
    review["status"] = status;
    serde_json::to_vec(&review).expect("a value is JSON")
}
