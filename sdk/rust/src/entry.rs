//! The entry points as functions from bytes to bytes: what a module reads from stdin, and what it writes to stdout.
//!
//! `export!` wires them to stdin and stdout; [`testing`](crate::testing) calls them as they are.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use wire::envelope::{Input, Output};
use wire::review::Version;
use wire::{admission, authentication, authorization};

use crate::{Authenticator, Authorizer, Error, Mutator, Validator};

/// An entry point: the bytes of stdin in, the bytes of stdout out.
pub type Entry = fn(&[u8]) -> Vec<u8>;

/// The entry point `authn`.
#[must_use]
pub fn authn<T: Authenticator>(input: &[u8]) -> Vec<u8> {
    answer(input, |policy: T, review| {
        let review = authentication::Review::parse(review)?;
        let answer = policy.authenticate(&review.spec)?;
        Ok(authentication::answer(Version::V1, &answer.into()))
    })
}

/// The entry point `authz`.
#[must_use]
pub fn authz<T: Authorizer>(input: &[u8]) -> Vec<u8> {
    answer(input, |policy: T, review| {
        let review = authorization::Review::parse(review)?;
        let answer = policy.authorize(&review.spec)?;
        Ok(authorization::answer(Version::V1, &answer.into()))
    })
}

/// The entry point `validate`.
#[must_use]
pub fn validate<T: Validator>(input: &[u8]) -> Vec<u8> {
    answer(input, |policy: T, review| {
        let review = admission::Review::parse(review)?;
        let uid = review.request.uid.clone();
        let answer = policy.validate(&review.request.into())?;
        Ok(admission::answer(Version::V1, &answer.into_response(uid)))
    })
}

/// The entry point `mutate`.
#[must_use]
pub fn mutate<T: Mutator>(input: &[u8]) -> Vec<u8> {
    answer(input, |policy: T, review| {
        let review = admission::Review::parse(review)?;
        let uid = review.request.uid.clone();
        let answer = policy.mutate(&review.request.into())?;
        Ok(admission::answer(Version::V1, &answer.into_response(uid)))
    })
}

/// Reads the policy and the review, and puts what `decide` makes of them, a review or an error, into the envelope.
fn answer<T: DeserializeOwned>(
    input: &[u8],
    decide: impl FnOnce(T, &[u8]) -> Result<Vec<u8>, Error>,
) -> Vec<u8> {
    let output = read(input)
        .and_then(|(policy, review)| decide(policy, review.get().as_bytes()))
        .and_then(|review| {
            let review: &RawValue = serde_json::from_slice(&review)?;
            Ok(serde_json::to_vec(&Output::response(review))?)
        });
    output.unwrap_or_else(|error| {
        let output = Output::<()>::error(error.message().to_owned());
        // One string: writing it to memory cannot fail.
        serde_json::to_vec(&output).unwrap_or_default()
    })
}

fn read<T: DeserializeOwned>(input: &[u8]) -> Result<(T, &RawValue), Error> {
    let input: Input<&RawValue, &RawValue> = serde_json::from_slice(input)?;
    let settings = input.settings.map_or("{}", RawValue::get);
    let policy =
        serde_json::from_str(settings).map_err(|error| Error::from(error).context("settings"))?;
    Ok((policy, input.request))
}
