//! How it ends: what has begun is answered, what is idle is closed, nothing new is taken.

use std::time::Duration;

use server::http::Drained;
use tokio::net::TcpStream;

use crate::client::{Client, tcp};
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

async fn finishes(server: Running, mut client: Client, mut others: Client) {
    let (address, admin) = (server.address, server.admin);
    assert_eq!(probe(admin, "GET", "/readyz").await.0, 200);
    let (asking, _) = take_the_place(&mut client, &mut others).await;
    let stopping = server.stop();
    closed(address).await;
    assert_eq!(
        probe(admin, "GET", "/readyz").await,
        (503, "not ready\n".to_owned())
    );
    assert_eq!(probe(admin, "GET", "/livez").await.0, 200);
    let reply = soon(asking).await.expect("an answer");
    reply.is_failure(503, "ServiceUnavailable");
    assert_eq!(stopping.await, Drained::Completely);
}

#[tokio::test]
async fn answers_what_has_begun_over_http1() {
    let server = one_place("1s").start().await;
    let (client, others) = (
        Client::plain(server.address).await,
        Client::plain(server.address).await,
    );
    finishes(server, client, others).await;
}

#[tokio::test]
async fn answers_what_has_begun_over_http2() {
    let authority = Authority::new();
    let server = one_place("1s").tls(&authority).start().await;
    let client = Client::tls_http2(server.address, &authority, None).await;
    let others = Client::tls_http2(server.address, &authority, None).await;
    finishes(server, client, others).await;
}

#[tokio::test]
async fn cuts_what_takes_too_long() {
    let drain = Duration::from_millis(200);
    let server = one_place("30s")
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
