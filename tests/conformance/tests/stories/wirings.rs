//! The clusters of the stories, and their scripted modules.

use conformance::script::RANDOM;
use conformance::{Action, FrontEnd, ReviewVersion, Script, Shared, Wiring};
use serde_json::json;

/// Reviews in v1; a failed authorizer has no opinion; results are cached for a second.
pub static V1: Shared = Shared::new(|| Wiring {
    cache_ttl: Some("1s"),
    ..wiring(ReviewVersion::V1, "NoOpinion")
});

/// Reviews in v1beta1; a failed authorizer denies; results are cached as `manifests` configures.
pub static V1BETA1: Shared = Shared::new(|| wiring(ReviewVersion::V1beta1, "Deny"));

/// The engine inside the API server, otherwise like `V1`.
pub static IN_PROCESS: Shared = Shared::new(|| Wiring {
    front_end: FrontEnd::InProcess,
    cache_ttl: Some("1s"),
    ..wiring(ReviewVersion::V1, "NoOpinion")
});

/// Like `IN_PROCESS`, with an authorizer that denies when it fails.
pub static IN_PROCESS_DENYING: Shared = Shared::new(|| Wiring {
    front_end: FrontEnd::InProcess,
    ..wiring(ReviewVersion::V1, "Deny")
});

/// The cluster of the stories that stop the server, one at a time.
pub static RESTARTED: Shared = Shared::new(|| wiring(ReviewVersion::V1, "NoOpinion"));

/// Defines a test for each story and wiring: `name::v1`, `name::v1beta1` and `name::in_process`.
macro_rules! on_each_wiring {
    ($($story:ident),+ $(,)?) => {
        $(mod $story {
            #[tokio::test]
            async fn v1() {
                super::$story($crate::wirings::V1.cluster().await).await;
            }

            #[tokio::test]
            async fn v1beta1() {
                super::$story($crate::wirings::V1BETA1.cluster().await).await;
            }

            #[tokio::test]
            async fn in_process() {
                super::$story($crate::wirings::IN_PROCESS.cluster().await).await;
            }
        })+
    };
}

fn wiring(version: ReviewVersion, authorizer_failure_policy: &str) -> Wiring {
    let policies = include_str!("policies.yaml");
    Wiring {
        front_end: FrontEnd::Webhook,
        version,
        cache_ttl: None,
        configuration: policies.replace("AUTHORIZER_FAILURE_POLICY", authorizer_failure_policy),
        scripts: scripts(),
    }
}

fn scripts() -> Vec<(&'static str, Script)> {
    let (authenticator, authorizer) = (Script::authenticator, Script::authorizer);
    let (validator, mutator) = (Script::validator, Script::mutator);
    let lottery = authenticator().responds("lottery", &login("winner", RANDOM));
    let second_opinion = validator().rejects("also-not-allowed", "also not allowed");
    let adviser = validator()
        .warns("please-warn", "as requested")
        .warns(r#""dryRun":true"#, "only a dry run");
    vec![
        (
            "unreliable_authenticator",
            unreliable(authenticator(), r#""token":"FAILURE-"#),
        ),
        ("lottery", lottery),
        ("visitors", authenticator()),
        (
            "unreliable_authorizer",
            unreliable(authorizer(), r#""user":"FAILURE-"#),
        ),
        ("bouncer", bouncer()),
        ("registrar", registrar()),
        (
            "strict_mutator",
            unreliable(mutator(), "FAILURE-in-strict-mutator"),
        ),
        (
            "lenient_mutator",
            unreliable(mutator(), "FAILURE-in-lenient-mutator"),
        ),
        (
            "strict_validator",
            unreliable(validator(), "FAILURE-in-strict-validator"),
        ),
        (
            "lenient_validator",
            unreliable(validator(), "FAILURE-in-lenient-validator"),
        ),
        ("second_opinion", second_opinion),
        ("adviser", adviser),
        (
            "outfitter",
            mutator().patches("please-add-a-sidecar", &sidecar()),
        ),
        (
            "no_shell",
            validator().rejects("forbidden-shell", "no shells here"),
        ),
        ("keeper", validator().rejects("keep-me", "it must stay")),
        (
            "scale_guard",
            validator().rejects(r#""replicas":99"#, "99 is too many"),
        ),
    ]
}

/// Fails if the input contains `word`, in which FAILURE is `trap` or `hang`.
fn unreliable(script: Script, word: &str) -> Script {
    script
        .when(&word.replace("FAILURE", "trap"), Action::Trap)
        .when(&word.replace("FAILURE", "hang"), Action::Hang)
}

/// Returns a patch with a minimal container, and a field that Deployments do not have.
fn sidecar() -> serde_json::Value {
    json!([
        { "op": "add", "path": "/spec/template/spec/containers/-", "value": { "name": "sidecar", "image": "example.com/sidecar" } },
        { "op": "add", "path": "/spec/noSuchField", "value": 1 },
    ])
}

/// Denies banned users everything except access reviews.
fn bouncer() -> Script {
    let no_opinion = json!({ "status": { "allowed": false } });
    let denied =
        json!({ "status": { "allowed": false, "denied": true, "reason": "you are banned" } });
    Script::authorizer()
        .responds("selfsubjectaccessreviews", &no_opinion)
        .responds(r#""user":"banned-"#, &denied)
}

/// Allows promoters everything, and clerks everything except privilege escalation.
fn registrar() -> Script {
    let allowed = json!({ "status": { "allowed": true } });
    let no_opinion = json!({ "status": { "allowed": false } });
    Script::authorizer()
        .responds(r#""user":"promoter-"#, &allowed)
        .responds(r#""verb":"escalate""#, &no_opinion)
        .responds(r#""user":"clerk-"#, &allowed)
}

/// Returns the TokenReview of an authenticator that recognizes the token.
pub fn login(user: &str, uid: &str) -> serde_json::Value {
    json!({ "status": { "authenticated": true, "user": { "username": user, "uid": uid } } })
}
