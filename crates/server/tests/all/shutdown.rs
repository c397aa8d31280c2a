//! Tests of the shutdown: open requests complete, idle connections are closed, and no new ones are
//! accepted.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::StatusCode;
use hyper::body::{Body, Bytes, Frame};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use server::http::Drained;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::client::{Client, review, tcp, tls};
use crate::disconnects::{one_permit, take_permit};
use crate::pki::Authority;
use crate::reviews::{probe, token_review};
use crate::running::{Running, Setup, soon};

/// Waits until connections are no longer accepted.
async fn closed(server: std::net::SocketAddr) {
    soon(async { while TcpStream::connect(server).await.is_ok() {} }).await;
}

#[tokio::test]
async fn closes_idle_connections_and_returns() {
    let authority = Authority::new();
    let server = Setup::magic().tls(&authority).start().await;
    let mut http1 = Client::tls_http1(server.address, &authority, None).await;
    http1.post("/authn", token_review("v1")).await;
    let mut http2 = Client::tls_http2(server.address, &authority, None).await;
    http2.post("/authn", token_review("v1")).await;
    let silent = tcp(server.address).await;

    let stopping = server.stop();
    let _ = soon(http1.ended).await;
    let _ = soon(http2.ended).await;
    drop(silent);
    assert_eq!(stopping.await, Drained::Completely);
}

/// Starts the shutdown, and checks the probes until the drain is over.
async fn stop(server: Running) -> impl Future<Output = Drained> {
    let (address, admin) = (server.address, server.admin);
    assert_eq!(
        probe(admin, "GET", "/readyz").await,
        (200, "ok\n".to_owned())
    );
    let stopping = server.stop();
    closed(address).await;
    assert_eq!(
        probe(admin, "GET", "/readyz").await,
        (503, "not ready\n".to_owned())
    );
    assert_eq!(probe(admin, "GET", "/livez").await.0, 200);
    stopping
}

/// S16: ready when modules are compiled, and a graceful end.
#[tokio::test]
async fn completes_open_http1_requests() {
    let server = Setup::magic().start().await;
    let mut stream = tcp(server.address).await;
    let review = token_review("v1");
    let length = review.len();
    let head = format!(
        "POST /authn HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    soon(stream.read_exact(&mut interim)).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");

    let stopping = stop(server).await;
    stream.write_all(review.as_bytes()).await.unwrap();
    let mut response = String::new();
    soon(stream.read_to_string(&mut response)).await.unwrap();
    assert!(
        response.starts_with("HTTP/1.1 200 OK\r\n")
            && response.contains("\r\nconnection: close\r\n"),
        "{response}"
    );
    assert_eq!(stopping.await, Drained::Completely);
}

/// S16: ready when modules are compiled, and a graceful end.
#[tokio::test]
async fn completes_open_http2_requests() {
    let authority = Authority::new();
    let server = Setup::magic().tls(&authority).start().await;
    let stream = tls(server.address, &authority, None, b"h2").await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let (send, body) = oneshot::channel();
    let open = sender.send_request(review("/authn", "").map(|_| DeferredBody(Some(body))));
    // The server handles the streams of a connection in order, so the first request is open once
    // the second has a response.
    let other = sender.send_request(review("/nowhere", "").map(|_| DeferredBody(None)));
    assert_eq!(soon(other).await.unwrap().status(), StatusCode::NOT_FOUND);

    let stopping = stop(server).await;
    send.send(Bytes::from(token_review("v1"))).unwrap();
    let response = soon(open).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    drop(response);
    assert_eq!(stopping.await, Drained::Completely);
    let _ = soon(connection).await;
}

/// A body that the test sends later.
struct DeferredBody(Option<oneshot::Receiver<Bytes>>);

impl Body for DeferredBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(receiver) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let bytes = ready!(Pin::new(receiver).poll(context)).unwrap();
        self.0 = None;
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

#[tokio::test]
async fn closes_open_connections_after_the_drain_timeout() {
    let drain = Duration::from_millis(200);
    let server = one_permit()
        .options(|options| options.connections.drain_timeout = drain)
        .start()
        .await;
    let (mut client, mut others) = (
        Client::plain(server.address).await,
        Client::plain(server.address).await,
    );
    let (open, _) = take_permit(&mut client, &mut others).await;
    assert_eq!(server.stop().await, Drained::Aborted { connections: 1 });
    assert!(soon(open).await.is_err());
}
