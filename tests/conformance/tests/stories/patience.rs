//! How long the API server remembers what a module said about a token.

use std::time::{Duration, Instant};

use crate::wirings::{V1, V1BETA1};

/// The token wins a fresh uid with each call of the module, so an old uid is a remembered one. The API server remembers
/// logins for 10 s whatever the flag says; after that the flag (`--authentication-token-webhook-cache-ttl`, one second
/// here and two minutes there) makes the difference.
#[tokio::test]
async fn a_login_is_remembered_for_as_long_as_the_flag_says() {
    let (forgetful, mindful) = (V1.cluster().await, V1BETA1.cluster().await);
    let (forgetful, mindful) = (
        forgetful.with_token("lottery"),
        mindful.with_token("lottery"),
    );
    let (once, there) = (forgetful.identity().await, mindful.identity().await);
    assert_eq!(
        forgetful.identity().await,
        once,
        "remembered for some seconds"
    );

    let deadline = Instant::now() + Duration::from_secs(60);
    while forgetful.identity().await == once {
        assert!(
            Instant::now() < deadline,
            "remembered for longer than the flag says"
        );
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert_eq!(
        mindful.identity().await,
        there,
        "forgotten earlier than the flag says"
    );
}
