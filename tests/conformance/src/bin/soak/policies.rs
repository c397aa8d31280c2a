//! The policies of the test, and the words on which its scripted modules act.

use conformance::{Action, FrontEnd, ReviewVersion, Script, Wiring};
use serde_json::{Value, json};

use crate::expectation::Edition;

/// The value of `edition` in a ConfigMap that the edition in effect replaces.
pub const PENDING: &str = "pending";

/// A policy that denies everything; the lock-out guard must reject it.
pub const VETO: &str = "veto";

/// Returns the configuration of an edition.
#[must_use]
pub fn configuration(edition: Edition) -> String {
    include_str!("policies.yaml").replace("EDITION", &edition.letter().to_string())
}

/// Returns the wiring of the cluster at the start.
#[must_use]
pub fn wiring(front_end: FrontEnd, edition: Edition) -> Wiring {
    Wiring {
        front_end,
        version: ReviewVersion::V1,
        // No request is sent twice, so the cache has no effect but a bounded amount of memory.
        cache_ttl: Some("1s"),
        configuration: configuration(edition),
        scripts: scripts(),
    }
}

/// Returns the scripted modules of both editions.
#[must_use]
pub fn scripts() -> Vec<(&'static str, Script)> {
    let (authenticator, authorizer) = (Script::authenticator, Script::authorizer);
    let (validator, mutator) = (Script::validator, Script::mutator);
    vec![
        (
            "unreliable_authenticator",
            authenticator().when(r#""token":"trap-"#, Action::Trap),
        ),
        ("visitors_a", visitors(Edition::A)),
        ("visitors_b", visitors(Edition::B)),
        (
            "unreliable_authorizer",
            authorizer().when(r#""user":"trap"#, Action::Trap),
        ),
        (
            "bouncer",
            authorizer().responds(r#""user":"banned"#, &denial("you are banned")),
        ),
        ("gate_a", gate(Edition::A)),
        ("gate_b", gate(Edition::B)),
        (
            "strict_mutator",
            mutator().when("trap-in-strict", Action::Trap),
        ),
        ("editor_a", editor(Edition::A)),
        ("editor_b", editor(Edition::B)),
        (
            "lenient_validator",
            validator().when("trap-in-lenient", Action::Trap),
        ),
        ("referee_a", referee(Edition::A)),
        ("referee_b", referee(Edition::B)),
        ("hanging", validator().when(r#""uid""#, Action::Hang)),
        (
            VETO,
            authorizer().responds(r#""spec""#, &denial("everything is denied")),
        ),
    ]
}

fn visitors(edition: Edition) -> Script {
    let user = json!({ "username": format!("visitor-of-{}", edition.letter()) });
    let login = json!({ "status": { "authenticated": true, "user": user } });
    Script::authenticator().responds(r#""token":"visitor-"#, &login)
}

/// Allows the team with the name of the edition.
fn gate(edition: Edition) -> Script {
    let allowed = json!({ "status": { "allowed": true } });
    Script::authorizer().responds(&format!(r#""team-{}""#, edition.letter()), &allowed)
}

fn editor(edition: Edition) -> Script {
    let value = edition.letter().to_string();
    let patch = json!([{ "op": "replace", "path": "/data/edition", "value": value }]);
    Script::mutator().patches(&format!(r#""edition":"{PENDING}""#), &patch)
}

fn referee(edition: Edition) -> Script {
    let message = format!("rejected by edition {}", edition.letter());
    Script::validator().rejects("please-reject", &message)
}

fn denial(reason: &str) -> Value {
    json!({ "status": { "allowed": false, "denied": true, "reason": reason } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_scripts_compile_and_are_used() {
        let configurations = configuration(Edition::A) + &configuration(Edition::B);
        for (name, script) in scripts() {
            script.compile().unwrap();
            let is_used = configurations.contains(&format!("/{name}.wasm"));
            assert_eq!(is_used, name != VETO, "{name}");
        }
    }
}
