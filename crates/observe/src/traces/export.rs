//! The exporter, which sends spans to the collector: OTLP over HTTP with JSON.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use super::options::{OpenError, Options};
use super::spans::{self, Review};

/// Timeout of a request, the default of OpenTelemetry.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum size of a response, in bytes.
const MAX_RESPONSE: usize = 64 << 10;

/// An HTTP client that sends one request at a time.
#[derive(Debug)]
pub(super) struct Exporter {
    runtime: Runtime,
    client: Client,
    url: Url,
    resource: Value,
}

/// A failure to export spans.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExportError {
    #[error("failed to generate random span identifiers")]
    Random(#[source] getrandom::Error),
    #[error("failed to send the spans to the collector")]
    Http(#[source] reqwest::Error),
    #[error("the collector responded with {0}")]
    Status(StatusCode),
}

/// `ExportTraceServiceResponse`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ExportResponse {
    partial_success: PartialSuccess,
}

/// `ExportTracePartialSuccess`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PartialSuccess {
    /// A string, because the number has 64 bits; some collectors send a number.
    rejected_spans: Value,
}

impl Exporter {
    pub(super) fn new(options: &Options) -> Result<Self, OpenError> {
        // The client uses the provider of the process. An installed one stays in place.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("k8s-wasm/", env!("CARGO_PKG_VERSION")))
            .default_headers(header_map(&options.headers)?)
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            // Only the command line reads the environment.
            .no_proxy()
            // The runtime does not run between requests, so it could not close idle connections.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(OpenError::Client)?;
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(OpenError::Thread)?;
        Ok(Self {
            runtime,
            client,
            url: options.endpoint.0.clone(),
            resource: spans::resource(&options.resource),
        })
    }

    /// Sends the spans of these reviews. Returns the number of spans that the collector rejected.
    pub(super) fn send(&self, reviews: &[Review]) -> Result<usize, ExportError> {
        let body = spans::request_body(&self.resource, reviews).map_err(ExportError::Random)?;
        self.runtime.block_on(self.post(body))
    }

    async fn post(&self, body: Vec<u8>) -> Result<usize, ExportError> {
        let request = self.client.post(self.url.clone()).body(body);
        let response = request.send().await.map_err(http_error)?;
        if !response.status().is_success() {
            return Err(ExportError::Status(response.status()));
        }
        let body = read(response).await.map_err(http_error)?;
        // The status says that the collector accepted the spans; an unexpected body does not
        // matter.
        let response: ExportResponse = serde_json::from_slice(&body).unwrap_or_default();
        let rejected = match &response.partial_success.rejected_spans {
            Value::String(text) => text.parse().ok(),
            number => number.as_u64(),
        };
        Ok(rejected.map_or(0, |count| usize::try_from(count).unwrap_or(usize::MAX)))
    }
}

/// Removes the URL: it is in the configuration and may be long.
fn http_error(error: reqwest::Error) -> ExportError {
    ExportError::Http(error.without_url())
}

async fn read(mut response: Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len().saturating_add(chunk.len()) > MAX_RESPONSE {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn header_map(pairs: &[(String, String)]) -> Result<HeaderMap, OpenError> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let header = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value),
        );
        let (Ok(name), Ok(mut value)) = header else {
            return Err(OpenError::Header(name.clone()));
        };
        value.set_sensitive(true);
        headers.append(name, value);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(headers)
}
