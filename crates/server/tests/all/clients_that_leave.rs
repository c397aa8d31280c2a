//! A client that leaves does not keep the server busy.

use std::pin::Pin;
use std::time::Instant;

use hyper::StatusCode;

use crate::client::{Client, Reply, review};
use crate::modules;
use crate::pki::Authority;
use crate::reviews::{access_review, token_review};
use crate::running::{PATIENCE, Setup, soon};

/// One call at a time and none that waits, and an authorizer that takes half a minute.
pub fn one_place() -> Setup {
    let configuration = r"
engine: {maxConcurrentCalls: 1, maxQueuedCalls: 0}
authorization: {modules: [{module: loop.wasm, timeout: 30s}]}
authentication: {modules: [{module: authn.wasm}]}
";
    Setup::new(
        configuration,
        [
            ("loop.wasm", modules::endless("authz")),
            ("authn.wasm", modules::authenticator()),
        ],
    )
}

/// A request that was sent and is not answered yet; dropping it gives up on the answer.
pub type Asking<'a> = Pin<Box<dyn Future<Output = hyper::Result<Reply>> + 'a>>;

/// Asks for the only place, and tells what others are answered once it is taken.
pub async fn take_the_place<'a>(
    client: &'a mut Client,
    others: &mut Client,
) -> (Asking<'a>, Reply) {
    let mut asking: Asking<'_> = Box::pin(insist(client));
    let turned_away = async {
        loop {
            let reply = others.post("/authn", token_review("v1")).await;
            if reply.status != StatusCode::OK {
                return reply;
            }
        }
    };
    let reply = tokio::select! {
        answer = &mut asking => panic!("answered: {answer:?}"),
        reply = soon(turned_away) => reply,
    };
    (asking, reply)
}

/// Asks for half a minute until there is a place.
async fn insist(client: &mut Client) -> hyper::Result<Reply> {
    loop {
        let reply = client
            .try_send(review("/authz?timeout=30s", access_review("v1")))
            .await?;
        if reply.status != StatusCode::TOO_MANY_REQUESTS {
            return Ok(reply);
        }
    }
}

/// Nobody else asks, so the only thing that can free the place is that the client has left.
async fn place_becomes_free(others: &mut Client) {
    let start = Instant::now();
    while others.post("/authn", token_review("v1")).await.status != StatusCode::OK {
        assert!(start.elapsed() < PATIENCE, "the call goes on");
    }
}

#[tokio::test]
async fn a_busy_engine_asks_to_come_back() {
    let server = one_place().start().await;
    let (mut client, mut others) = (
        Client::plain(server.address).await,
        Client::plain(server.address).await,
    );
    let (_asking, reply) = take_the_place(&mut client, &mut others).await;
    reply.is_failure(429, "TooManyRequests");
    assert_eq!(reply.headers["retry-after"], "1");
}

/// S5: calls end before the caller gives up, and when it leaves.
#[tokio::test]
async fn closing_an_http1_connection_ends_the_call() {
    let server = one_place().start().await;
    let (mut client, mut others) = (
        Client::plain(server.address).await,
        Client::plain(server.address).await,
    );
    drop(take_the_place(&mut client, &mut others).await);
    client.ended.abort();
    place_becomes_free(&mut others).await;
}

#[tokio::test]
async fn closing_an_http1_connection_over_tls_ends_the_call() {
    let authority = Authority::new();
    let server = one_place().tls(&authority).start().await;
    let mut client = Client::tls_http1(server.address, &authority, None).await;
    let mut others = Client::tls_http1(server.address, &authority, None).await;
    drop(take_the_place(&mut client, &mut others).await);
    client.ended.abort();
    place_becomes_free(&mut others).await;
}

/// S5: calls end before the caller gives up, and when it leaves.
#[tokio::test]
async fn resetting_an_http2_stream_ends_the_call() {
    let authority = Authority::new();
    let server = one_place().tls(&authority).start().await;
    let mut client = Client::tls_http2(server.address, &authority, None).await;
    let mut others = Client::tls_http2(server.address, &authority, None).await;
    drop(take_the_place(&mut client, &mut others).await);
    place_becomes_free(&mut others).await;
    assert_eq!(
        client.post("/authn", token_review("v1")).await.status,
        StatusCode::OK,
        "the connection stays"
    );
}

#[tokio::test]
async fn closing_an_http2_connection_ends_the_call() {
    let authority = Authority::new();
    let server = one_place().tls(&authority).start().await;
    let mut client = Client::tls_http2(server.address, &authority, None).await;
    let mut others = Client::tls_http2(server.address, &authority, None).await;
    drop(take_the_place(&mut client, &mut others).await);
    client.ended.abort();
    place_becomes_free(&mut others).await;
}
