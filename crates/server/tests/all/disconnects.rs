//! Tests that the call of a client that disconnects ends.

use std::pin::Pin;
use std::time::Instant;

use hyper::StatusCode;

use crate::client::{Client, Reply, review};
use crate::modules;
use crate::pki::Authority;
use crate::reviews::{access_review, token_review};
use crate::running::{STEP_TIMEOUT, Setup, soon};

/// Returns a server with one permit, no queue, and an authorizer that never returns.
pub fn one_permit() -> Setup {
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

/// A request without a response yet. Dropping it cancels it.
pub type OpenRequest<'a> = Pin<Box<dyn Future<Output = hyper::Result<Reply>> + 'a>>;

/// Takes the only permit. Returns the open request, and the response to another one meanwhile.
pub async fn take_permit<'a>(
    client: &'a mut Client,
    others: &mut Client,
) -> (OpenRequest<'a>, Reply) {
    let mut open: OpenRequest<'_> = Box::pin(retry(client));
    let overloaded = async {
        loop {
            let reply = others.post("/authn", token_review("v1")).await;
            if reply.status != StatusCode::OK {
                return reply;
            }
        }
    };
    let reply = tokio::select! {
        response = &mut open => panic!("responded: {response:?}"),
        reply = soon(overloaded) => reply,
    };
    (open, reply)
}

/// Sends requests until one gets the permit.
async fn retry(client: &mut Client) -> hyper::Result<Reply> {
    loop {
        let reply = client
            .try_send(review("/authz?timeout=30s", access_review("v1")))
            .await?;
        if reply.status != StatusCode::TOO_MANY_REQUESTS {
            return Ok(reply);
        }
    }
}

/// Waits until the permit is free again. No other request is open, so only the disconnect can
/// release it.
async fn wait_for_permit(others: &mut Client) {
    let start = Instant::now();
    while others.post("/authn", token_review("v1")).await.status != StatusCode::OK {
        assert!(start.elapsed() < STEP_TIMEOUT, "the call continues");
    }
}

#[tokio::test]
async fn an_overloaded_engine_responds_with_retry_after() {
    let server = one_permit().start().await;
    let (mut client, mut others) = (
        Client::plain(server.address).await,
        Client::plain(server.address).await,
    );
    let (_open, reply) = take_permit(&mut client, &mut others).await;
    reply.is_failure(429, "TooManyRequests");
    assert_eq!(reply.headers["retry-after"], "1");
}

/// S5: calls end before the caller gives up, and when it leaves.
#[tokio::test]
async fn closing_an_http1_connection_ends_the_call() {
    let server = one_permit().start().await;
    let (mut client, mut others) = (
        Client::plain(server.address).await,
        Client::plain(server.address).await,
    );
    drop(take_permit(&mut client, &mut others).await);
    client.ended.abort();
    wait_for_permit(&mut others).await;
}

#[tokio::test]
async fn closing_an_http1_connection_over_tls_ends_the_call() {
    let authority = Authority::new();
    let server = one_permit().tls(&authority).start().await;
    let mut client = Client::tls_http1(server.address, &authority, None).await;
    let mut others = Client::tls_http1(server.address, &authority, None).await;
    drop(take_permit(&mut client, &mut others).await);
    client.ended.abort();
    wait_for_permit(&mut others).await;
}

/// S5: calls end before the caller gives up, and when it leaves.
#[tokio::test]
async fn resetting_an_http2_stream_ends_the_call() {
    let authority = Authority::new();
    let server = one_permit().tls(&authority).start().await;
    let mut client = Client::tls_http2(server.address, &authority, None).await;
    let mut others = Client::tls_http2(server.address, &authority, None).await;
    drop(take_permit(&mut client, &mut others).await);
    wait_for_permit(&mut others).await;
    assert_eq!(
        client.post("/authn", token_review("v1")).await.status,
        StatusCode::OK,
        "the connection stays open"
    );
}

#[tokio::test]
async fn closing_an_http2_connection_ends_the_call() {
    let authority = Authority::new();
    let server = one_permit().tls(&authority).start().await;
    let mut client = Client::tls_http2(server.address, &authority, None).await;
    let mut others = Client::tls_http2(server.address, &authority, None).await;
    drop(take_permit(&mut client, &mut others).await);
    client.ended.abort();
    wait_for_permit(&mut others).await;
}
