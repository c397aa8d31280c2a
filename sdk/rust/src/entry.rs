//! The entry points of a module as functions from bytes to bytes, and [`export!`](crate::export),
//! which connects them to stdin and stdout.

use std::borrow::Cow;
use std::fmt;
use std::io::{Read, Write};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use wire::envelope::{Input, Output};
use wire::review::{Kind, Version};
use wire::{admission, authentication, authorization};

use crate::authentication::Authenticator;
use crate::authorization::Authorizer;
use crate::error::Error;
use crate::mutate::Mutator;
use crate::validate::Validator;

/// A function from the bytes of stdin to the bytes of stdout.
pub type Entry = fn(&[u8]) -> Vec<u8>;

/// The name of an entry point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryPoint {
    /// Authentication.
    Authn,
    /// Authorization.
    Authz,
    /// Validating admission.
    Validate,
    /// Mutating admission.
    Mutate,
}

impl fmt::Display for EntryPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authn => "authn",
            Self::Authz => "authz",
            Self::Validate => "validate",
            Self::Mutate => "mutate",
        })
    }
}

/// Exports entry points from the module.
///
/// Left of the colon stands the entry point (`authn`, `authz`, `validate`, `mutate`), right of it a
/// type that implements the corresponding trait. A module may export several; each can be a policy
/// with settings of its own.
///
/// On targets other than wasm nothing is exported, so that `cargo test` and dependent crates work.
///
/// ```
/// use k8s_wasm_sdk::{AdmissionRequest, Error, Mutation, Mutator, Validation, Validator};
///
/// #[derive(serde::Deserialize)]
/// struct ReadOnly {}
///
/// impl Validator for ReadOnly {
///     fn validate(&self, _: &AdmissionRequest<'_>) -> Result<Validation, Error> {
///         Ok(Validation::reject("the cluster is read-only"))
///     }
/// }
///
/// #[derive(serde::Deserialize)]
/// struct Unpaused {}
///
/// impl Mutator for Unpaused {
///     fn mutate(&self, request: &AdmissionRequest<'_>) -> Result<Mutation, Error> {
///         Mutation::edit(request, |object| object["spec"]["paused"] = false.into())
///     }
/// }
///
/// k8s_wasm_sdk::export!(validate: ReadOnly, mutate: Unpaused);
/// ```
///
/// A type without the trait does not compile:
///
/// ```compile_fail
/// #[derive(serde::Deserialize)]
/// struct NoValidator {}
/// k8s_wasm_sdk::export!(validate: NoValidator); // does not implement `Validator`
/// ```
#[macro_export]
macro_rules! export {
    ($($entry:ident: $policy:ty),+ $(,)?) => {
        $(const _: () = {
            #[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
            #[allow(
                dead_code,
                unsafe_code,
                reason = "the host calls it by this name, which no other function of a module may have"
            )]
            extern "C" fn $entry() {
                $crate::__private::serve($crate::entry::$entry::<$policy>);
            }
        };)+
    };
}

/// Reads the input from stdin and writes the output of the entry point to stdout.
///
/// # Panics
/// Panics if the host's pipes break; the call then fails.
pub fn serve(entry: Entry) {
    // Small enough for the rest of the last page of a fresh memory: growing it costs as much as a
    // call.
    let mut input = Vec::with_capacity(4 * 1024);
    let read = std::io::stdin().lock().read_to_end(&mut input);
    read.expect("readable stdin");
    let mut stdout = std::io::stdout().lock();
    let written = stdout
        .write_all(&entry(&input))
        .and_then(|()| stdout.flush());
    written.expect("writable stdout");
}

/// Runs the entry point `authn`.
#[must_use]
pub fn authn<T: Authenticator>(input: &[u8]) -> Vec<u8> {
    evaluate(input, Kind::TokenReview, |policy: T, request| {
        let authentication = policy.authenticate(&request)?;
        Ok(authentication::write_response(
            Version::V1,
            &authentication.into(),
        ))
    })
}

/// Runs the entry point `authz`.
#[must_use]
pub fn authz<T: Authorizer>(input: &[u8]) -> Vec<u8> {
    evaluate(input, Kind::SubjectAccessReview, |policy: T, request| {
        let authorization = policy.authorize(&request)?;
        Ok(authorization::write_response(
            Version::V1,
            &authorization.into(),
        ))
    })
}

/// Runs the entry point `validate`.
#[must_use]
pub fn validate<T: Validator>(input: &[u8]) -> Vec<u8> {
    let decide = |policy: T, request: admission::Request<'_>| {
        let uid = request.uid.clone();
        let response = policy.validate(&request.into())?.into_response(uid);
        Ok(admission::write_response(Version::V1, &response))
    };
    evaluate(input, Kind::AdmissionReview, decide)
}

/// Runs the entry point `mutate`.
#[must_use]
pub fn mutate<T: Mutator>(input: &[u8]) -> Vec<u8> {
    let decide = |policy: T, request: admission::Request<'_>| {
        let uid = request.uid.clone();
        let response = policy.mutate(&request.into())?.into_response(uid);
        Ok(admission::write_response(Version::V1, &response))
    };
    evaluate(input, Kind::AdmissionReview, decide)
}

/// A review, parsed in one pass: parsing takes most of the time of a call.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review<'a, R> {
    #[serde(borrow, default)]
    api_version: Cow<'a, str>,
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
    /// The `spec`; in an AdmissionReview the `request`.
    #[serde(rename = "spec", alias = "request", default = "Option::default")]
    request: Option<R>,
}

/// Parses the policy and the request, and writes the review or the error of `decide` into the
/// envelope.
fn evaluate<'a, T: DeserializeOwned, R: Deserialize<'a>>(
    input: &'a [u8],
    kind: Kind,
    decide: impl FnOnce(T, R) -> Result<Vec<u8>, Error>,
) -> Vec<u8> {
    match parse(input, kind).and_then(|(policy, request)| decide(policy, request)) {
        Ok(review) => [&br#"{"response":"#[..], &review, b"}"].concat(),
        Err(error) => {
            let output = Output::<()>::error(error.message().to_owned());
            // Serializing one string to memory cannot fail.
            serde_json::to_vec(&output).unwrap_or_default()
        }
    }
}

fn parse<'a, T: DeserializeOwned, R: Deserialize<'a>>(
    input: &'a [u8],
    kind: Kind,
) -> Result<(T, R), Error> {
    // One check of the encoding for all strings.
    let input = std::str::from_utf8(input)?;
    let input: Input<Review<'_, R>, &RawValue> = serde_json::from_str(input)?;
    let review = input.request;
    let request = review.request.filter(|_| {
        review.kind == kind.as_str() && review.api_version == kind.api_version(Version::V1)
    });
    let request = request.ok_or_else(|| {
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
    Ok((policy, request))
}
