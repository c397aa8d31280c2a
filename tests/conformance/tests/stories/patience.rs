//! How long the API server remembers what a module said about a token.

use std::time::{Duration, Instant};

use conformance::Caller;

use crate::wirings::{IN_PROCESS, V1, V1BETA1};

/// The flag of the webhook. The token wins a fresh uid with each call of the module, so an old uid is a remembered one. The API server remembers
/// logins for 10 s whatever the flag says; after that the flag (`--authentication-token-webhook-cache-ttl`, one second
/// here and two minutes there) makes the difference.
#[tokio::test]
async fn a_login_is_remembered_for_as_long_as_the_flag_says() {
    let mindful = V1BETA1.cluster().await.with_token("lottery");
    let there = mindful.identity().await;
    forgets(&V1.cluster().await.with_token("lottery")).await;
    assert_eq!(
        mindful.identity().await,
        there,
        "forgotten earlier than the flag says"
    );
}

/// Inside of the API server the flag (`--authentication-wasm-cache-ttl`) alone counts.
#[tokio::test]
async fn in_process_a_login_is_remembered_for_as_long_as_the_flag_says() {
    forgets(&IN_PROCESS.cluster().await.with_token("lottery")).await;
}

async fn forgets(caller: &Caller) {
    let once = caller.identity().await;
    assert_eq!(caller.identity().await, once, "remembered for a moment");
    let deadline = Instant::now() + Duration::from_secs(60);
    while caller.identity().await == once {
        assert!(
            Instant::now() < deadline,
            "remembered for longer than the flag says"
        );
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
