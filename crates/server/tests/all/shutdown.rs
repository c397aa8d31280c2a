//! How it ends: what has begun is answered, what is idle is closed, nothing new is taken.

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
use crate::clients_that_leave::{one_place, take_the_place};
use crate::pki::Authority;
use crate::reviews::{probe, token_review};
use crate::running::{Running, Setup, soon};

/// Until connections are no longer taken.
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

/// Stops the server, and checks what others see until the drain is over.
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
async fn answers_what_has_begun_over_http1() {
    let server = Setup::magic().start().await;
    let mut stream = tcp(server.address).await;
    let review = token_review("v1");
    let length = review.len();
    let head = format!(
        "POST /authn HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut begun = [0; 25];
    soon(stream.read_exact(&mut begun))
        .await
        .expect("an interim answer");
    assert_eq!(&begun, b"HTTP/1.1 100 Continue\r\n\r\n");

    let stopping = stop(server).await;
    stream.write_all(review.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer))
        .await
        .expect("an answer");
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\r\nconnection: close\r\n"),
        "{answer}"
    );
    assert_eq!(stopping.await, Drained::Completely);
}

/// S16: ready when modules are compiled, and a graceful end.
#[tokio::test]
async fn answers_what_has_begun_over_http2() {
    let authority = Authority::new();
    let server = Setup::magic().tls(&authority).start().await;
    let stream = tls(server.address, &authority, None, b"h2")
        .await
        .expect("a handshake");
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .expect("HTTP/2");
    let connection = tokio::spawn(connection);
    let (send, body) = oneshot::channel();
    let begun = sender.send_request(review("/authn", "").map(|_| Later(Some(body))));
    // Answered after the other one has begun: both are in order in one connection.
    let other = sender.send_request(review("/nowhere", "").map(|_| Later(None)));
    assert_eq!(
        soon(other).await.expect("an answer").status(),
        StatusCode::NOT_FOUND
    );

    let stopping = stop(server).await;
    send.send(Bytes::from(token_review("v1")))
        .expect("still wanted");
    let answer = soon(begun).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    drop(answer);
    assert_eq!(stopping.await, Drained::Completely);
    let _ = soon(connection).await;
}

/// A body that is there when the test says so.
struct Later(Option<oneshot::Receiver<Bytes>>);

impl Body for Later {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(receiver) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let bytes = ready!(Pin::new(receiver).poll(context)).expect("sent");
        self.0 = None;
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

#[tokio::test]
async fn cuts_what_takes_too_long() {
    let drain = Duration::from_millis(200);
    let server = one_place()
        .options(|options| options.connections.drain_timeout = drain)
        .start()
        .await;
    let (mut client, mut others) = (
        Client::plain(server.address).await,
        Client::plain(server.address).await,
    );
    let (asking, _) = take_the_place(&mut client, &mut others).await;
    assert_eq!(server.stop().await, Drained::Aborted { connections: 1 });
    assert!(soon(asking).await.is_err());
}
