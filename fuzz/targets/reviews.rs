//! What is posted: the three reviews in either version, and raw requests.
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

/// A module sees `v1`, and the same question; what came in `v1` it sees as it came. What cannot be written again is an error.
fn token(body: &[u8]) {
    let Ok(review) = authentication::Review::parse(body) else {
        return;
    };
    let Ok(shown) = review.for_module() else {
        return assert!(review.version != Version::V1);
    };
    let again = authentication::Review::parse(&shown).expect("read again");
    assert_eq!((again.version, &again.spec), (Version::V1, &review.spec));
    assert!(review.version != Version::V1 || *shown == *body);
    let token = &review.spec.token;
    assert!(token.len() < 8 || !format!("{review:?}").contains(token));
}

fn access(body: &[u8]) {
    let Ok(review) = authorization::Review::parse(body) else {
        return;
    };
    let shown = review.for_module();
    let again = authorization::Review::parse(shown).expect("read again");
    assert_eq!((again.version, &again.spec), (Version::V1, &review.spec));
    assert!(review.version != Version::V1 || shown == body);
}

fn object(body: &[u8]) {
    let Ok(review) = admission::Review::parse(body) else {
        return;
    };
    let Ok(shown) = review.for_module() else {
        return assert!(review.version != Version::V1);
    };
    let again = admission::Review::parse(&shown).expect("read again");
    assert!(review.version != Version::V1 || *shown == *body);
    same_request(&again.request, &review.request);

    let other = wire::to_raw_value(&"another object").expect("written");
    let Ok(changed) = review.for_module_with(&other) else {
        return;
    };
    let changed = admission::Review::parse(&changed).expect("read again");
    assert_eq!(changed.request.object.map(|o| o.get()), Some(other.get()));
    assert_eq!(changed.request.uid, review.request.uid);
}

fn same_request(a: &admission::Request<'_>, b: &admission::Request<'_>) {
    let written = |request| serde_json::to_string(request).expect("written");
    assert_eq!(written(a), written(b));
}

/// Whatever a policy is asked is one value of JSON, also where it is nothing that is read here.
fn kubewarden_requests(body: &[u8]) {
    for request in [
        Request::from_review(body),
        Request::from_file(body),
        Request::from_raw(body),
    ] {
        if let Ok(request) = request {
            let review = request.to_review();
            serde_json::from_slice::<&wire::RawValue>(&review).expect("JSON");
        }
    }
}
