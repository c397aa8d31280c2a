//! Tests of the limits of connections that are idle or slow.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use server::Options;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Client, review, tcp, tls};
use crate::pki::Authority;
use crate::reviews::{admission_review, token_review};
use crate::running::{Running, Setup, soon};

/// The timeout under test; all others stay at their defaults of 10 s and more.
const SHORT: Duration = Duration::from_millis(300);

async fn server(change: impl FnOnce(&mut Options)) -> Running {
    Setup::magic().options(change).start().await
}

/// Reads until the server closes the connection. Returns the time that it took.
async fn until_closed(stream: &mut (impl AsyncReadExt + Unpin)) -> Duration {
    let start = Instant::now();
    let mut response = Vec::new();
    // The server may also reset the connection.
    let _ = soon(stream.read_to_end(&mut response)).await;
    start.elapsed()
}

#[tokio::test]
async fn keeps_idle_connections_longer_than_client_go() {
    let idle = server::http::Limits::default().idle_timeout;
    assert!(idle > Duration::from_secs(90), "{idle:?}");
}

#[tokio::test]
async fn serves_many_requests_in_one_connection() {
    let server = server(|_| {}).await;
    let mut client = Client::plain(server.address).await;
    for _ in 0..20 {
        assert_eq!(
            client.post("/authn", token_review("v1")).await.status,
            StatusCode::OK
        );
        client
            .post("/nowhere", token_review("v1"))
            .await
            .is_failure(404, "NotFound");
    }
}

#[tokio::test]
async fn serves_large_requests_over_http2() {
    let authority = Authority::new();
    let server = Setup::magic().tls(&authority).start().await;
    let mut client = Client::tls_http2(server.address, &authority, None).await;
    for size in [0, 100_000, 2_000_000] {
        let reply = client.post("/validate", admission_review("v1", size)).await;
        assert_eq!(reply.status, StatusCode::OK, "{size}");
    }
}

#[tokio::test]
async fn closes_a_connection_without_requests() {
    let server = server(|options| options.connections.idle_timeout = SHORT).await;
    let elapsed = until_closed(&mut tcp(server.address).await).await;
    assert!(elapsed >= SHORT, "{elapsed:?}");
}

#[tokio::test]
async fn closes_an_idle_connection() {
    let server = server(|options| options.connections.idle_timeout = SHORT).await;
    let mut client = Client::plain(server.address).await;
    client.post("/authn", token_review("v1")).await;
    let _ = soon(client.ended).await;
}

#[tokio::test]
async fn closes_an_idle_http2_connection() {
    let authority = Authority::new();
    let server = Setup::magic()
        .tls(&authority)
        .options(|options| options.connections.idle_timeout = SHORT)
        .start()
        .await;
    let mut client = Client::tls_http2(server.address, &authority, None).await;
    client.post("/authn", token_review("v1")).await;
    let _ = soon(client.ended).await;
}

#[tokio::test]
async fn closes_a_connection_with_an_incomplete_head() {
    let server = server(|options| options.connections.head_timeout = SHORT).await;
    let mut stream = tcp(server.address).await;
    stream
        .write_all(b"POST /authn HTTP/1.1\r\nHost: local")
        .await
        .unwrap();
    let elapsed = until_closed(&mut stream).await;
    assert!(elapsed >= SHORT, "{elapsed:?}");
}

#[tokio::test]
async fn the_head_timeout_starts_with_the_first_byte() {
    let server = server(|options| options.connections.head_timeout = SHORT).await;
    let mut client = Client::plain(server.address).await;
    let start = Instant::now();
    // All requests together take longer than the timeout, each of them does not.
    while start.elapsed() < SHORT * 2 {
        assert_eq!(
            client.post("/authn", token_review("v1")).await.status,
            StatusCode::OK
        );
    }
    let other = server.post("/authn", token_review("v1")).await;
    assert_eq!(other.status, StatusCode::OK);
    assert!(!client.ended.is_finished());
}

#[tokio::test]
async fn responds_with_408_to_an_incomplete_review() {
    let server = server(|_| {}).await;
    let mut stream = tcp(server.address).await;
    let head =
        "POST /authn?timeout=300ms HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut response = String::new();
    let _ = soon(stream.read_to_string(&mut response)).await;
    assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
}

#[tokio::test]
async fn closes_a_connection_with_an_incomplete_handshake() {
    let authority = Authority::new();
    let server = Setup::magic()
        .tls(&authority)
        .options(|options| options.connections.handshake_timeout = SHORT)
        .start()
        .await;
    let mut stream = tcp(server.address).await;
    // The beginning of a record.
    stream.write_all(&[0x16, 0x03, 0x01, 0x02]).await.unwrap();
    let elapsed = until_closed(&mut stream).await;
    assert!(elapsed >= SHORT, "{elapsed:?}");
}

#[tokio::test]
async fn closes_a_connection_that_uses_another_protocol() {
    let authority = Authority::new();
    let server = Setup::magic().tls(&authority).start().await;
    let mut stream = tcp(server.address).await;
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    until_closed(&mut stream).await;

    let mut stream = tls(server.address, &authority, None, b"http/1.1")
        .await
        .unwrap();
    stream
        .write_all(b"\x00\x01\x02 nonsense\r\n\r\n")
        .await
        .unwrap();
    until_closed(&mut stream).await;
}

#[tokio::test]
async fn further_connections_wait() {
    let server = server(|options| options.connections.max_connections = NonZeroUsize::MIN).await;
    let mut first = Client::plain(server.address).await;
    first.post("/authn", token_review("v1")).await;

    let mut second = Client::plain(server.address).await;
    let mut waiting = std::pin::pin!(second.try_send(review("/authn", token_review("v1"))));
    // The first connection is served meanwhile, so the server is not merely slow.
    tokio::select! {
        biased;
        _ = &mut waiting => panic!("the second connection was accepted"),
        reply = first.post("/authn", token_review("v1")) => assert_eq!(reply.status, StatusCode::OK),
    }
    drop(first);
    assert_eq!(soon(waiting).await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn closes_a_connection_that_reads_no_responses() {
    let server = server(|options| options.connections.write_timeout = SHORT).await;
    let mut stream: TcpStream = tcp(server.address).await;
    let request = format!(
        "POST /{} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
        "x".repeat(1000)
    );
    // No response is read, so at some point the server cannot write any more.
    let closed = soon(async {
        loop {
            if stream.write_all(request.as_bytes()).await.is_err() {
                return;
            }
        }
    });
    closed.await;
}
