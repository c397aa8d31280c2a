//! What clients can hold on to: connections that do nothing, or do it slowly.

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

/// What is waited for in these tests; everything else takes its minutes.
const SHORT: Duration = Duration::from_millis(300);

async fn server(change: impl FnOnce(&mut Options)) -> Running {
    Setup::magic().options(change).start().await
}

/// Reads until the server closes, and tells how long that took.
async fn until_closed(stream: &mut (impl AsyncReadExt + Unpin)) -> Duration {
    let start = Instant::now();
    let mut answer = Vec::new();
    // However it closes, in order or by a reset.
    let _ = soon(stream.read_to_end(&mut answer)).await;
    start.elapsed()
}

#[tokio::test]
async fn keeps_connections_for_more_than_the_ninety_seconds_of_client_go() {
    let idle = server::http::Limits::default().idle_timeout;
    assert!(idle > Duration::from_secs(90), "{idle:?}");
}

#[tokio::test]
async fn answers_many_requests_in_one_connection() {
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
async fn answers_many_requests_at_once_over_http2() {
    let authority = Authority::new();
    let server = Setup::magic().tls(&authority).start().await;
    let mut client = Client::tls_http2(server.address, &authority, None).await;
    for size in [0, 100_000, 2_000_000] {
        let reply = client.post("/validate", admission_review("v1", size)).await;
        assert_eq!(reply.status, StatusCode::OK, "{size}");
    }
}

#[tokio::test]
async fn closes_a_connection_that_never_asks() {
    let server = server(|options| options.connections.idle_timeout = SHORT).await;
    let elapsed = until_closed(&mut tcp(server.address).await).await;
    assert!(elapsed >= SHORT, "{elapsed:?}");
}

#[tokio::test]
async fn closes_a_connection_that_asks_no_more() {
    let server = server(|options| options.connections.idle_timeout = SHORT).await;
    let mut client = Client::plain(server.address).await;
    client.post("/authn", token_review("v1")).await;
    let _ = soon(client.ended).await;
}

#[tokio::test]
async fn closes_an_http2_connection_that_asks_no_more() {
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
async fn closes_a_connection_whose_head_trickles_in() {
    let server = server(|options| options.connections.head_timeout = SHORT).await;
    let mut stream = tcp(server.address).await;
    stream
        .write_all(b"POST /authn HTTP/1.1\r\nHost: local")
        .await
        .expect("sent");
    let elapsed = until_closed(&mut stream).await;
    assert!(elapsed >= SHORT, "{elapsed:?}");
}

#[tokio::test]
async fn the_time_for_a_head_begins_with_its_first_byte() {
    let server = server(|options| options.connections.head_timeout = SHORT).await;
    let mut client = Client::plain(server.address).await;
    let start = Instant::now();
    // Longer than a head may take, in requests one after the other and in none.
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
async fn answers_408_when_the_review_trickles_in() {
    let server = server(|_| {}).await;
    let mut stream = tcp(server.address).await;
    let head =
        "POST /authn?timeout=300ms HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    let _ = soon(stream.read_to_string(&mut answer)).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn closes_a_connection_whose_handshake_does_not_end() {
    let authority = Authority::new();
    let server = Setup::magic()
        .tls(&authority)
        .options(|options| options.connections.handshake_timeout = SHORT)
        .start()
        .await;
    let mut stream = tcp(server.address).await;
    // The beginning of a record.
    stream
        .write_all(&[0x16, 0x03, 0x01, 0x02])
        .await
        .expect("sent");
    let elapsed = until_closed(&mut stream).await;
    assert!(elapsed >= SHORT, "{elapsed:?}");
}

#[tokio::test]
async fn closes_a_connection_that_sends_something_else() {
    let authority = Authority::new();
    let server = Setup::magic().tls(&authority).start().await;
    let mut stream = tcp(server.address).await;
    stream
        .write_all(b"GET / HTTP/1.1\r\n\r\n")
        .await
        .expect("sent");
    until_closed(&mut stream).await;

    let mut stream = tls(server.address, &authority, None, b"http/1.1")
        .await
        .expect("a handshake");
    stream
        .write_all(b"\x00\x01\x02 nonsense\r\n\r\n")
        .await
        .expect("sent");
    until_closed(&mut stream).await;
}

#[tokio::test]
async fn a_further_connection_waits_for_a_place() {
    let server = server(|options| options.connections.connections_max = NonZeroUsize::MIN).await;
    let mut first = Client::plain(server.address).await;
    first.post("/authn", token_review("v1")).await;

    let mut second = Client::plain(server.address).await;
    let mut waiting = std::pin::pin!(second.try_send(review("/authn", token_review("v1"))));
    // The first one is still answered, so the server is not merely slow to take the second.
    tokio::select! {
        biased;
        _ = &mut waiting => panic!("there is no place for it"),
        reply = first.post("/authn", token_review("v1")) => assert_eq!(reply.status, StatusCode::OK),
    }
    drop(first);
    assert_eq!(
        soon(waiting).await.expect("an answer").status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn closes_a_connection_that_takes_no_answers() {
    let server = server(|options| options.connections.write_timeout = SHORT).await;
    let mut stream: TcpStream = tcp(server.address).await;
    let request = format!(
        "POST /{} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
        "x".repeat(1000)
    );
    // Requests without end, and no answer is read: at some point the server cannot write, and does not wait forever.
    let refused = soon(async {
        loop {
            if stream.write_all(request.as_bytes()).await.is_err() {
                return;
            }
        }
    });
    refused.await;
}
