//! A client that also fails for unexpected headers, redirects and errors that are not a `Status`.

use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::{http1, http2};
use hyper::header::HeaderMap;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::pki::{Authority, Pair};
use crate::running::soon;

/// A response.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Reply {
    /// Returns the `message` of a `Status`.
    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap()
    }

    #[track_caller]
    pub fn is_failure(&self, code: u16, reason: &str) -> &Self {
        assert_eq!(
            (self.status.as_u16(), &self.body["reason"]),
            (code, &Value::from(reason)),
            "{self:?}"
        );
        self
    }

    async fn from_response(response: Response<hyper::body::Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        for name in head.headers.keys() {
            let known = [
                "content-type",
                "content-length",
                "date",
                "allow",
                "retry-after",
                "connection",
            ];
            assert!(known.contains(&name.as_str()), "unexpected header `{name}`");
        }
        assert!(!head.status.is_redirection() && !head.headers.contains_key("location"));
        assert_eq!(head.headers["content-type"], "application/json");
        let body: Value = serde_json::from_slice(&body).unwrap();
        if !head.status.is_success() {
            assert_eq!(
                (&body["kind"], &body["apiVersion"]),
                (&"Status".into(), &"v1".into())
            );
            assert_eq!(
                (&body["status"], &body["code"]),
                (&"Failure".into(), &head.status.as_u16().into())
            );
        }
        Self {
            status: head.status,
            headers: head.headers,
            body,
        }
    }
}

/// A connection.
pub struct Client {
    sender: Sender,
    /// The task that ends with the connection.
    pub ended: tokio::task::JoinHandle<hyper::Result<()>>,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Client {
    pub async fn plain(address: SocketAddr) -> Self {
        Self::http1(tcp(address).await).await
    }

    /// Connects with HTTP/1.1, which kube-apiserver's admission plugins require.
    pub async fn tls_http1(address: SocketAddr, authority: &Authority, own: Option<&Pair>) -> Self {
        let stream = tls(address, authority, own, b"http/1.1").await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        Self::http1(stream).await
    }

    pub async fn tls_http2(address: SocketAddr, authority: &Authority, own: Option<&Pair>) -> Self {
        let stream = tls(address, authority, own, b"h2").await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
        Self {
            sender: Sender::Http2(sender),
            ended: tokio::spawn(connection),
        }
    }

    async fn http1(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        Self {
            sender: Sender::Http1(sender),
            ended: tokio::spawn(connection),
        }
    }

    pub async fn post(&mut self, path: &str, body: impl Into<Vec<u8>>) -> Reply {
        self.send(review(path, body)).await
    }

    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Reply {
        soon(self.try_send(request)).await.unwrap()
    }

    pub async fn try_send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Reply> {
        let response = match &mut self.sender {
            Sender::Http1(sender) => sender.send_request(request).await?,
            Sender::Http2(sender) => sender.send_request(request).await?,
        };
        Ok(Reply::from_response(response).await)
    }
}

/// Returns a request as kube-apiserver sends it.
pub fn review(path: &str, body: impl Into<Vec<u8>>) -> Request<Full<Bytes>> {
    Request::post(path)
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("accept", "application/json, */*")
        .header("user-agent", "kube-apiserver-admission")
        .body(Full::new(Bytes::from(body.into())))
        .unwrap()
}

pub async fn tcp(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// Connects with TLS. In TLS 1.3, the rejection of a client certificate is visible at the first
/// read only.
pub async fn tls(
    address: SocketAddr,
    authority: &Authority,
    own: Option<&Pair>,
    protocol: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut config = client_config(authority, own);
    config.alpn_protocols = vec![protocol.to_vec()];
    connect(address, config).await
}

pub async fn connect(
    address: SocketAddr,
    config: ClientConfig,
) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, tcp(address).await)
        .await
}

pub fn client_config(authority: &Authority, own: Option<&Pair>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let authority = Pair {
        certificate: authority.certificate.clone(),
        key: String::new(),
    };
    roots.add_parsable_certificates(authority.chain());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    match own {
        Some(pair) => builder
            .with_client_auth_cert(pair.chain(), pair.private_key())
            .unwrap(),
        None => builder.with_no_client_auth(),
    }
}
