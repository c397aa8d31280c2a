//! Endpoints: a server, its certificate authority, and the credentials of the client.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Request;
use kube::client::Body;
use kube::{Client, Config};

use crate::certificates::Identity;

/// A server, and the credentials for it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    config: Config,
}

/// The credentials of a client.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// No credentials.
    Anonymous,
    /// A bearer token.
    Token(String),
    /// A client certificate.
    Certificate(Identity),
}

impl Endpoint {
    /// Creates the endpoint of a server without TLS, such as etcd.
    ///
    /// # Errors
    /// If `url` is not a URL.
    pub fn plain(url: &str) -> Result<Self> {
        let mut config = Config::new(
            url.parse()
                .with_context(|| format!("`{url}` is not a URL"))?,
        );
        // The stories check single responses, which retries would hide.
        config.default_retry = false;
        Ok(Self { config })
    }

    /// Creates the endpoint of a server with a certificate of `authority` (DER).
    ///
    /// # Errors
    /// If `url` is not a URL.
    pub fn tls(url: &str, authority: Vec<u8>, credentials: Credentials) -> Result<Self> {
        let mut endpoint = Self::plain(url)?;
        endpoint.config.root_cert = Some(vec![authority]);
        let auth = &mut endpoint.config.auth_info;
        match credentials {
            Credentials::Anonymous => {}
            Credentials::Token(token) => auth.token = Some(token.into()),
            Credentials::Certificate(identity) => {
                auth.client_certificate_data = Some(BASE64.encode(identity.certificate));
                auth.client_key_data = Some(BASE64.encode(identity.key).into());
            }
        }
        Ok(endpoint)
    }

    /// Creates a client with connections of its own, for the current runtime.
    ///
    /// # Errors
    /// If the credentials are invalid.
    pub fn client(&self) -> Result<Client> {
        Ok(Client::try_from(self.config.clone())?)
    }
}

/// Returns whether `GET path` succeeds.
pub(crate) async fn is_ok(client: &Client, path: &str) -> bool {
    let Ok(request) = Request::get(path).body(Body::empty()) else {
        return false;
    };
    client
        .send(request)
        .await
        .is_ok_and(|response| response.status().is_success())
}
