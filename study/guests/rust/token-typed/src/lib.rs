//! A TokenReview check with types: skips unused fields, and copies others as text.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

conventions::export!(respond);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
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
struct Response<'a> {
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
fn respond(input: &[u8]) -> Vec<u8> {
    let request: Request = serde_json::from_slice(input).expect("the review is JSON");
    serde_json::to_vec(&review(&request)).expect("the response is JSON")
}

/// Returns the response in the envelope of k8s-wasm.
#[cfg(feature = "own")]
fn respond(input: &[u8]) -> Vec<u8> {
    #[derive(Deserialize)]
    struct Input<'a> {
        #[serde(borrow)]
        request: Request<'a>,
    }
    #[derive(Serialize)]
    struct Output<'a> {
        response: Response<'a>,
    }
    let Input { request } = serde_json::from_slice(input).expect("the envelope is JSON");
    let response = review(&request);
    serde_json::to_vec(&Output { response }).expect("the response is JSON")
}

fn review<'a>(request: &Request<'a>) -> Response<'a> {
    Response {
        api_version: request.api_version,
        kind: request.kind,
        status: status(&request.spec),
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
