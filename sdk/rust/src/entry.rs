//! The entry points as functions from bytes to bytes: what a module reads from stdin, and what it writes to stdout.
//!
//! `export!` wires them to stdin and stdout; [`testing`](crate::testing) calls them as they are.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use wire::envelope::{Input, Output};
use wire::review::{Kind, Version};
use wire::{admission, authentication, authorization};

use crate::{Authenticator, Authorizer, Error, Mutator, Validator};

/// An entry point: the bytes of stdin in, the bytes of stdout out.
pub type Entry = fn(&[u8]) -> Vec<u8>;

/// The entry point `authn`.
#[must_use]
pub fn authn<T: Authenticator>(input: &[u8]) -> Vec<u8> {
    answer(input, Kind::TokenReview, |policy: T, asked| {
        let answer = policy.authenticate(&asked)?;
        Ok(authentication::write_response(Version::V1, &answer.into()))
    })
}

/// The entry point `authz`.
#[must_use]
pub fn authz<T: Authorizer>(input: &[u8]) -> Vec<u8> {
    answer(input, Kind::SubjectAccessReview, |policy: T, asked| {
        let answer = policy.authorize(&asked)?;
        Ok(authorization::write_response(Version::V1, &answer.into()))
    })
}

/// The entry point `validate`.
#[must_use]
pub fn validate<T: Validator>(input: &[u8]) -> Vec<u8> {
    let kind = Kind::AdmissionReview;
    answer(input, kind, |policy: T, asked: admission::Request<'_>| {
        let uid = asked.uid.clone();
        let answer = policy.validate(&asked.into())?;
        Ok(admission::write_response(
            Version::V1,
            &answer.into_response(uid),
        ))
    })
}

/// The entry point `mutate`.
#[must_use]
pub fn mutate<T: Mutator>(input: &[u8]) -> Vec<u8> {
    let kind = Kind::AdmissionReview;
    answer(input, kind, |policy: T, asked: admission::Request<'_>| {
        let uid = asked.uid.clone();
        let answer = policy.mutate(&asked.into())?;
        Ok(admission::write_response(
            Version::V1,
            &answer.into_response(uid),
        ))
    })
}

/// A review as a module reads it, in one pass: for a module it is the reading that takes the time.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review<'a, Q> {
    #[serde(borrow, default)]
    api_version: Cow<'a, str>,
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
    /// What is asked: the `spec`, in an AdmissionReview the `request`.
    #[serde(rename = "spec", alias = "request", default = "Option::default")]
    asked: Option<Q>,
}

/// Reads the policy and what it is asked, and puts what `decide` makes of them, a review or an error, into the envelope.
fn answer<'a, T: DeserializeOwned, Q: Deserialize<'a>>(
    input: &'a [u8],
    kind: Kind,
    decide: impl FnOnce(T, Q) -> Result<Vec<u8>, Error>,
) -> Vec<u8> {
    match read(input, kind).and_then(|(policy, asked)| decide(policy, asked)) {
        Ok(review) => [&br#"{"response":"#[..], &review, b"}"].concat(),
        Err(error) => {
            let output = Output::<()>::error(error.message().to_owned());
            // One string: writing it to memory cannot fail.
            serde_json::to_vec(&output).unwrap_or_default()
        }
    }
}

fn read<'a, T: DeserializeOwned, Q: Deserialize<'a>>(
    input: &'a [u8],
    kind: Kind,
) -> Result<(T, Q), Error> {
    // Once for all strings.
    let input = std::str::from_utf8(input)?;
    let input: Input<Review<'_, Q>, &RawValue> = serde_json::from_str(input)?;
    let review = input.request;
    let asked = review.asked.filter(|_| {
        review.kind == kind.as_str() && review.api_version == kind.api_version(Version::V1)
    });
    let asked = asked.ok_or_else(|| {
        Error::new(format_args!(
            "expected a `{}` of `{}`, got a `{}` of `{}`",
            kind.as_str(),
            kind.api_version(Version::V1),
            review.kind,
            review.api_version
        ))
    })?;
    let settings = input.settings.map_or("{}", RawValue::get);
    let policy =
        serde_json::from_str(settings).map_err(|error| Error::from(error).context("settings"))?;
    Ok((policy, asked))
}
