//! Where traces are sent, and how that is written.

use std::str::FromStr;

use percent_encoding::percent_decode_str;
use reqwest::Url;

/// What is sent, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// The collector.
    pub endpoint: Endpoint,
    /// Headers of each request, such as a credential.
    pub headers: Vec<(String, String)>,
    /// What is told of this process besides its name and version.
    pub resource: Vec<(String, String)>,
    /// Which share of the reviews is traced that come without a valid `traceparent`, from 0 to 1. A review that comes with one is
    /// traced when its caller's span is.
    pub sample: f64,
}

/// The URL that a collector takes traces at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(pub(super) Url);

/// A text is no such URL.
#[derive(Debug, thiserror::Error)]
#[error("the URL of a collector is expected, such as http://127.0.0.1:4318")]
pub struct NoEndpoint;

impl FromStr for Endpoint {
    type Err = NoEndpoint;

    /// Reads the base of the URL, to which `/v1/traces` is added (OpenTelemetry Protocol Exporter, "Endpoint URLs for OTLP/HTTP").
    fn from_str(text: &str) -> Result<Self, NoEndpoint> {
        let mut url = Url::parse(text).map_err(|_| NoEndpoint)?;
        let is_plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !is_plain || !matches!(url.scheme(), "http" | "https") {
            return Err(NoEndpoint);
        }
        url.path_segments_mut()
            .map_err(|()| NoEndpoint)?
            .pop_if_empty()
            .extend(["v1", "traces"]);
        Ok(Self(url))
    }
}

/// A text is no list of pairs.
#[derive(Debug, thiserror::Error)]
#[error("`KEY=VALUE,…` is expected, with values in percent-encoding")]
pub struct NoPairs;

/// Reads what the environment variables `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_RESOURCE_ATTRIBUTES` hold: the format of W3C
/// Baggage without properties.
///
/// # Errors
/// When a part has no key, or its value is no UTF-8. What it says is not told: it may be a credential.
pub fn pairs(text: &str) -> Result<Vec<(String, String)>, NoPairs> {
    let parts = text.split(',').map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (key, value) = part.split_once('=').ok_or(NoPairs)?;
            let (key, value) = (key.trim(), value.trim());
            let value = percent_decode_str(value).decode_utf8();
            let value = value.map_err(|_| NoPairs)?;
            let has_key = !key.is_empty();
            has_key
                .then(|| (key.to_owned(), value.into_owned()))
                .ok_or(NoPairs)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_base() {
        for (base, url) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
            (
                "https://otel.example/of/us/",
                "https://otel.example/of/us/v1/traces",
            ),
        ] {
            let endpoint: Endpoint = base.parse().unwrap();
            assert_eq!(endpoint.0.as_str(), url);
        }
    }

    #[test]
    fn other_texts_are_no_endpoint() {
        for text in [
            "",
            "127.0.0.1:4318",
            "localhost:4318",
            "grpc://a:4317",
            "file:///tmp/a",
            "http://",
            "http://user:hunter2@a",
            "http://a?b=c",
            "http://a#b",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }

    #[test]
    fn reads_pairs() {
        let read = pairs(" authorization=Basic%20a%3D%3D , a=b=c,,empty=").unwrap();
        let expected = [("authorization", "Basic a=="), ("a", "b=c"), ("empty", "")];
        let read: Vec<_> = read.iter().map(|(key, value)| (&**key, &**value)).collect();
        assert_eq!(read, expected);
        assert!(pairs("").unwrap().is_empty());
        for text in ["a", "=b", "a=%ff", "a=b,c"] {
            assert!(pairs(text).is_err(), "{text}");
        }
    }
}
