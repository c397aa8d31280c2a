//! Bodies of webhook requests: the three reviews in both versions, and raw requests.
#![no_main]

use kubewarden::Request;
use libfuzzer_sys::fuzz_target;
use wire::review::{Kind, Version};
use wire::{admission, authentication, authorization};

fuzz_target!(|body: &[u8]| {
    let _ = Kind::detect(body);
    token(body);
    access(body);
    object(body);
    kubewarden_requests(body);
});

/// Asserts that a module receives the same request as `v1`, and a `v1` review unchanged. A review that
/// cannot be serialized is an error.
fn token(body: &[u8]) {
    let Ok(review) = authentication::Review::parse(body) else {
        return;
    };
    let Ok(passed) = review.for_module() else {
        return assert!(review.version != Version::V1);
    };
    let again = authentication::Review::parse(&passed).expect("a serialized review can be parsed");
    assert_eq!((again.version, &again.spec), (Version::V1, &review.spec));
    assert!(review.version != Version::V1 || *passed == *body);
    let token = &review.spec.token;
    assert!(token.len() < 8 || !format!("{review:?}").contains(token));
}

fn access(body: &[u8]) {
    let Ok(review) = authorization::Review::parse(body) else {
        return;
    };
    let passed = review.for_module();
    let again = authorization::Review::parse(passed).expect("a serialized review can be parsed");
    assert_eq!((again.version, &again.spec), (Version::V1, &review.spec));
    assert!(review.version != Version::V1 || passed == body);
}

fn object(body: &[u8]) {
    let Ok(review) = admission::Review::parse(body) else {
        return;
    };
    let Ok(passed) = review.for_module() else {
        return assert!(review.version != Version::V1);
    };
    let again = admission::Review::parse(&passed).expect("a serialized review can be parsed");
    assert!(review.version != Version::V1 || *passed == *body);
    assert_same_request(&again.request, &review.request);

    let other = wire::to_raw_value(&"another object").expect("the value can be serialized");
    let Ok(changed) = review.for_module_with(&other) else {
        return;
    };
    let changed = admission::Review::parse(&changed).expect("a serialized review can be parsed");
    assert_eq!(changed.request.object.map(|o| o.get()), Some(other.get()));
    assert_eq!(changed.request.uid, review.request.uid);
}

fn assert_same_request(a: &admission::Request<'_>, b: &admission::Request<'_>) {
    let to_json = |request| serde_json::to_string(request).expect("the value can be serialized");
    assert_eq!(to_json(a), to_json(b));
}

/// Asserts that the payload of a policy is a single JSON value, also where it is not parsed.
fn kubewarden_requests(body: &[u8]) {
    for request in [
        Request::from_review(body),
        Request::from_file(body),
        Request::from_raw(body),
    ] {
        if let Ok(request) = request {
            let review = request.to_review();
            serde_json::from_slice::<&wire::RawValue>(&review).expect("the payload is JSON");
        }
    }
}
