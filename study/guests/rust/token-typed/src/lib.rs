//! A TokenReview check with types: what is not looked at is skipped, and what is passed on stays text.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

ways::export!(answer);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a> {
    api_version: &'a str,
    kind: &'a str,
    #[serde(borrow)]
    spec: Spec<'a>,
}

#[derive(Deserialize)]
struct Spec<'a> {
    token: &'a str,
    #[serde(borrow)]
    audiences: &'a RawValue,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    api_version: &'a str,
    kind: &'a str,
    status: Status<'a>,
}

#[derive(Default, Serialize)]
struct Status<'a> {
    authenticated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<User>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audiences: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct User {
    username: &'static str,
    uid: &'static str,
    groups: [&'static str; 1],
}

#[cfg(not(feature = "own"))]
fn answer(input: &[u8]) -> Vec<u8> {
    let question: Question = serde_json::from_slice(input).expect("a review is JSON");
    serde_json::to_vec(&answered(&question)).expect("an answer is JSON")
}

/// The same in the envelope of k8s-wasm.
#[cfg(feature = "own")]
fn answer(input: &[u8]) -> Vec<u8> {
    #[derive(Deserialize)]
    struct Input<'a> {
        #[serde(borrow)]
        request: Question<'a>,
    }
    #[derive(Serialize)]
    struct Output<'a> {
        response: Answer<'a>,
    }
    let Input { request } = serde_json::from_slice(input).expect("an envelope is JSON");
    let response = answered(&request);
    serde_json::to_vec(&Output { response }).expect("an answer is JSON")
}

fn answered<'a>(question: &Question<'a>) -> Answer<'a> {
    Answer {
        api_version: question.api_version,
        kind: question.kind,
        status: status(&question.spec),
    }
}

fn status<'a>(spec: &Spec<'a>) -> Status<'a> {
    if spec.token != "magic-token" {
        return Status::default();
    }
    Status {
        authenticated: true,
        user: Some(User {
            username: "magic-user",
            uid: "0",
            groups: ["magic-group"],
        }),
        audiences: Some(spec.audiences),
    }
}
