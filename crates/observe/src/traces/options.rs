//! Options of traces, and the formats in which they are written.

use std::io;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use reqwest::Url;

/// Options of traces.
#[derive(Debug, Clone)]
pub struct Options {
    /// The collector.
    pub endpoint: Endpoint,
    /// Headers of each request, such as a credential.
    pub headers: Vec<(String, String)>,
    /// Attributes of the resource, in addition to `service.name` and `service.version`.
    pub resource: Vec<(String, String)>,
    /// The share of reviews to trace that arrive without a valid `traceparent`, from 0 to 1. A
    /// review with a `traceparent` is traced if the span of its caller is.
    pub sample_rate: f64,
}

/// An error that prevents traces from being exported at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A name or value that is not valid in HTTP.
    #[error("`{0}` is not a valid HTTP header, or its value is not")]
    Header(String),
    /// TLS is not available.
    #[error("failed to set up the HTTP client")]
    Client(#[source] reqwest::Error),
    /// The operating system refused a thread.
    #[error("failed to start a thread")]
    Thread(#[source] io::Error),
}

/// The URL at which a collector accepts traces.
///
/// ```
/// use observe::traces::Endpoint;
///
/// assert!("http://127.0.0.1:4318".parse::<Endpoint>().is_ok());
/// assert!("127.0.0.1:4318".parse::<Endpoint>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(pub(super) Url);

/// A text that is not the URL of a collector.
#[derive(Debug, thiserror::Error)]
#[error("expected the URL of a collector, such as http://127.0.0.1:4318")]
pub struct InvalidEndpoint;

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    /// Parses the base URL, to which `/v1/traces` is added (OpenTelemetry Protocol Exporter,
    /// "Endpoint URLs for OTLP/HTTP").
    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let mut url = Url::parse(text).map_err(|_| InvalidEndpoint)?;
        let is_base = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !is_base || !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidEndpoint);
        }
        url.path_segments_mut()
            .map_err(|()| InvalidEndpoint)?
            .pop_if_empty()
            .extend(["v1", "traces"]);
        Ok(Self(url))
    }
}

/// A text that is not a list of pairs.
#[derive(Debug, thiserror::Error)]
#[error("expected `KEY=VALUE,…`, with percent-encoded values")]
pub struct InvalidPairs;

/// Parses the environment variables `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_RESOURCE_ATTRIBUTES`:
/// the format of W3C Baggage without properties.
///
/// # Errors
/// Returns an error if a pair has no key, or its value is not UTF-8. The error does not quote the
/// text, which may be a credential.
pub fn parse_pairs(text: &str) -> Result<Vec<(String, String)>, InvalidPairs> {
    let pairs = text.split(',').map(str::trim);
    pairs
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').ok_or(InvalidPairs)?;
            let (key, value) = (key.trim(), value.trim());
            if key.is_empty() {
                return Err(InvalidPairs);
            }
            let value = percent_decode_str(value).decode_utf8();
            let value = value.map_err(|_| InvalidPairs)?;
            Ok((key.to_owned(), value.into_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_the_path_of_traces_to_the_endpoint() {
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
    fn rejects_text_that_is_not_a_base_url() {
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
    fn parses_percent_encoded_pairs() {
        let pairs = parse_pairs(" authorization=Basic%20a%3D%3D , a=b=c,,empty=").unwrap();
        let expected = [("authorization", "Basic a=="), ("a", "b=c"), ("empty", "")];
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(key, value)| (&**key, &**value))
            .collect();
        assert_eq!(pairs, expected);
        assert!(parse_pairs("").unwrap().is_empty());
        for text in ["a", "=b", "a=%ff", "a=b,c"] {
            assert!(parse_pairs(text).is_err(), "{text}");
        }
    }
}
