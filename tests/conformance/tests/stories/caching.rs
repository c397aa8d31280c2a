//! Stories of the cache of the API server for tokens.

use std::time::{Duration, Instant};

use conformance::Caller;

use crate::wirings::{IN_PROCESS, V1, V1BETA1};

/// The module returns a new uid with each call, so an old uid comes from the cache. The API server
/// caches tokens for 10 s in any case; after that the flag
/// `--authentication-token-webhook-cache-ttl` applies, which is one second for one cluster and two
/// minutes for the other.
#[tokio::test]
async fn caches_a_token_for_the_ttl_of_the_flag() {
    let long_ttl = V1BETA1.cluster().await.with_token("lottery");
    let cached = long_ttl.identity().await;
    requires_expiry(&V1.cluster().await.with_token("lottery")).await;
    assert_eq!(
        long_ttl.identity().await,
        cached,
        "the token left the cache before its TTL"
    );
}

/// In process, only the flag `--authentication-wasm-cache-ttl` applies.
#[tokio::test]
async fn in_process_caches_a_token_for_the_ttl_of_the_flag() {
    requires_expiry(&IN_PROCESS.cluster().await.with_token("lottery")).await;
}

async fn requires_expiry(caller: &Caller) {
    let cached = caller.identity().await;
    assert_eq!(caller.identity().await, cached, "the token is cached");
    let deadline = Instant::now() + Duration::from_secs(60);
    while caller.identity().await == cached {
        assert!(
            Instant::now() < deadline,
            "the token stays in the cache after its TTL"
        );
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
