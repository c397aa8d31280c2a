//! The clusters of the stories, and the modules that were made up for them.

use conformance::script::RANDOM;
use conformance::{Act, Door, ReviewVersion, Script, Shared, Wiring};
use serde_json::json;

/// Reviews in v1; a failed authorizer has no opinion; answers are remembered for a second.
pub static V1: Shared = Shared::new(|| Wiring {
    cache_ttl: Some("1s"),
    ..wiring(ReviewVersion::V1, "NoOpinion")
});

/// Reviews in v1beta1; a failed authorizer denies; answers are remembered as long as `manifests` finds sensible.
pub static V1BETA1: Shared = Shared::new(|| wiring(ReviewVersion::V1beta1, "Deny"));

/// The engine inside the API server. What `V1` says holds here too.
pub static IN_PROCESS: Shared = Shared::new(|| Wiring {
    door: Door::InProcess,
    cache_ttl: Some("1s"),
    ..wiring(ReviewVersion::V1, "NoOpinion")
});

/// The same, with a failed authorizer that denies.
pub static IN_PROCESS_DENYING: Shared = Shared::new(|| Wiring {
    door: Door::InProcess,
    ..wiring(ReviewVersion::V1, "Deny")
});

/// For the stories that stop the server, one at a time.
pub static RESTARTED: Shared = Shared::new(|| wiring(ReviewVersion::V1, "NoOpinion"));

/// Makes a test for each wiring of stories that hold for all: `name::v1`, `name::v1beta1` and `name::in_process`.
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
        door: Door::Webhook,
        version,
        cache_ttl: None,
        configuration: policies.replace("AUTHORIZER_FAILURE_POLICY", authorizer_failure_policy),
        scripts: scripts(),
    }
}

fn scripts() -> Vec<(&'static str, Script)> {
    let (authenticator, authorizer) = (Script::authenticator, Script::authorizer);
    let (validator, mutator) = (Script::validator, Script::mutator);
    let lottery = authenticator().answers("lottery", &login("winner", RANDOM));
    let second_opinion = validator().rejects("also-not-allowed", "I do not like it either");
    let adviser = validator()
        .warns("please-warn", "you asked for it")
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
        ("keeper", validator().rejects("keep-me", "it is kept")),
        (
            "scale_guard",
            validator().rejects(r#""replicas":99"#, "99 is too many"),
        ),
    ]
}

/// Fails when it finds `word`, in which FAILURE is `trap` or `hang`.
fn unreliable(script: Script, word: &str) -> Script {
    script
        .when(&word.replace("FAILURE", "trap"), Act::Trap)
        .when(&word.replace("FAILURE", "hang"), Act::Hang)
}

/// A container that says no more than it must, and a field that no Deployment has.
fn sidecar() -> serde_json::Value {
    json!([
        { "op": "add", "path": "/spec/template/spec/containers/-", "value": { "name": "sidecar", "image": "example.com/sidecar" } },
        { "op": "add", "path": "/spec/noSuchField", "value": 1 },
    ])
}

/// Lets banned users do nothing but ask what they may do.
fn bouncer() -> Script {
    let no_opinion = json!({ "status": { "allowed": false } });
    let denied =
        json!({ "status": { "allowed": false, "denied": true, "reason": "you are banned" } });
    Script::authorizer()
        .answers("selfsubjectaccessreviews", &no_opinion)
        .answers(r#""user":"banned-"#, &denied)
}

/// Lets promoters do everything, and clerks everything but give away what they have not got.
fn registrar() -> Script {
    let allowed = json!({ "status": { "allowed": true } });
    let no_opinion = json!({ "status": { "allowed": false } });
    Script::authorizer()
        .answers(r#""user":"promoter-"#, &allowed)
        .answers(r#""verb":"escalate""#, &no_opinion)
        .answers(r#""user":"clerk-"#, &allowed)
}

/// The answer of an authenticator that knows the token.
pub fn login(user: &str, uid: &str) -> serde_json::Value {
    json!({ "status": { "authenticated": true, "user": { "username": user, "uid": uid } } })
}
