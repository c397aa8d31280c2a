//! How spans get to the collector: OTLP over HTTP, in JSON.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use super::options::Options;
use super::review::Review;
use super::{OpenError, spans};

/// Sends, one request after the other.
#[derive(Debug)]
pub(super) struct Exporter {
    runtime: Runtime,
    client: Client,
    url: Url,
    resource: Value,
}

/// Why spans did not arrive.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExportError {
    #[error("there are no random numbers")]
    Random(#[source] getrandom::Error),
    #[error("failed to ask the collector")]
    Http(#[source] reqwest::Error),
    #[error("the collector answers {0}")]
    Status(StatusCode),
}

/// A request, with everything: what OpenTelemetry has as its default.
const TIMEOUT: Duration = Duration::from_secs(10);

/// More than a collector has to say, in bytes.
const MAX_ANSWER: usize = 64 << 10;

/// `ExportTraceServiceResponse`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    partial_success: PartialSuccess,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PartialSuccess {
    /// A number of 64 bits, so a text; some write it as a number all the same.
    rejected_spans: Value,
}

impl Exporter {
    pub(super) fn new(options: &Options) -> Result<Self, OpenError> {
        // The client takes the provider of the process; one that is there already stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("k8s-wasm/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers(&options.headers)?)
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            // The environment is read in one place, which is not here.
            .no_proxy()
            // A connection that idles is looked after by nobody: the runtime stands still between requests.
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

    /// Sends the spans of some reviews, and tells how many of them the collector refused.
    pub(super) fn send(&self, reviews: &[Review]) -> Result<usize, ExportError> {
        let body = spans::body(&self.resource, reviews).map_err(ExportError::Random)?;
        self.runtime.block_on(self.post(body))
    }

    async fn post(&self, body: Vec<u8>) -> Result<usize, ExportError> {
        let request = self.client.post(self.url.clone()).body(body);
        let response = request.send().await.map_err(failed)?;
        if !response.status().is_success() {
            return Err(ExportError::Status(response.status()));
        }
        let body = read(response).await.map_err(failed)?;
        // Whatever else a collector says, it took the spans.
        let answer: Answer = serde_json::from_slice(&body).unwrap_or_default();
        let refused = answer.partial_success.rejected_spans;
        let refused = match &refused {
            Value::String(text) => text.parse().ok(),
            number => number.as_u64(),
        };
        Ok(refused.map_or(0, |count| usize::try_from(count).unwrap_or(usize::MAX)))
    }
}

/// The URL is in the configuration, and need not be in the log each time.
fn failed(error: reqwest::Error) -> ExportError {
    ExportError::Http(error.without_url())
}

async fn read(mut response: Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len().saturating_add(chunk.len()) > MAX_ANSWER {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn headers(given: &[(String, String)]) -> Result<HeaderMap, OpenError> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
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
