//! Endpoints: a server, how to trust it, and who we are to it.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Request;
use kube::client::Body;
use kube::{Client, Config};

use crate::certificates::Identity;

/// A server to talk to, as somebody.
#[derive(Debug, Clone)]
pub struct Endpoint {
    config: Config,
}

/// Who a client says it is.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Nobody.
    Anonymous,
    /// A bearer token.
    Token(String),
    /// A client certificate.
    Certificate(Identity),
}

impl Endpoint {
    /// A server without TLS, such as etcd here.
    ///
    /// # Errors
    /// `url` is not one.
    pub fn plain(url: &str) -> Result<Self> {
        let mut config = Config::new(
            url.parse()
                .with_context(|| format!("`{url}` is not a URL"))?,
        );
        // The stories are about single answers; a client that asks again would hide them.
        config.default_retry = false;
        Ok(Self { config })
    }

    /// A server whose certificate comes from `authority` (DER).
    ///
    /// # Errors
    /// `url` is not one.
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

    /// A client with connections of its own. It belongs to the runtime that makes it.
    ///
    /// # Errors
    /// The credentials cannot be used.
    pub fn client(&self) -> Result<Client> {
        Ok(Client::try_from(self.config.clone())?)
    }
}

/// Whether `GET path` answers with success.
pub(crate) async fn is_ok(client: &Client, path: &str) -> bool {
    let Ok(request) = Request::get(path).body(Body::empty()) else {
        return false;
    };
    client
        .send(request)
        .await
        .is_ok_and(|response| response.status().is_success())
}
