//! The policies of the soak: which words make the made-up modules do what.

use conformance::{Act, Door, ReviewVersion, Script, Wiring};
use serde_json::{Value, json};

use crate::season::Edition;

/// What a ConfigMap says under `edition` to have it replaced by the edition that decides.
pub const UNDECIDED: &str = "undecided";

/// A policy that denies everything; the lock-out guard has to refuse it.
pub const VETO: &str = "veto";

/// The configuration of an edition.
#[must_use]
pub fn configuration(edition: Edition) -> String {
    include_str!("policies.yaml").replace("EDITION", &edition.letter().to_string())
}

/// The cluster at the beginning.
#[must_use]
pub fn wiring(door: Door, edition: Edition) -> Wiring {
    Wiring {
        door,
        version: ReviewVersion::V1,
        // No request is made twice, so nothing that is remembered is asked for; the memory for it is bounded, though.
        cache_ttl: Some("1s"),
        configuration: configuration(edition),
        scripts: scripts(),
    }
}

/// All modules that are made up, those of both editions among them.
#[must_use]
pub fn scripts() -> Vec<(&'static str, Script)> {
    let (authenticator, authorizer) = (Script::authenticator, Script::authorizer);
    let (validator, mutator) = (Script::validator, Script::mutator);
    vec![
        (
            "unreliable_authenticator",
            authenticator().when(r#""token":"trap-"#, Act::Trap),
        ),
        ("visitors_a", visitors(Edition::A)),
        ("visitors_b", visitors(Edition::B)),
        (
            "unreliable_authorizer",
            authorizer().when(r#""user":"trap"#, Act::Trap),
        ),
        (
            "bouncer",
            authorizer().answers(r#""user":"banned"#, &denial("you are banned")),
        ),
        ("gate_a", gate(Edition::A)),
        ("gate_b", gate(Edition::B)),
        (
            "strict_mutator",
            mutator().when("trap-in-strict", Act::Trap),
        ),
        ("editor_a", editor(Edition::A)),
        ("editor_b", editor(Edition::B)),
        (
            "lenient_validator",
            validator().when("trap-in-lenient", Act::Trap),
        ),
        ("referee_a", referee(Edition::A)),
        ("referee_b", referee(Edition::B)),
        ("hanging", validator().when(r#""uid""#, Act::Hang)),
        (
            VETO,
            authorizer().answers(r#""spec""#, &denial("nothing goes")),
        ),
    ]
}

fn visitors(edition: Edition) -> Script {
    let user = json!({ "username": format!("visitor-of-{}", edition.letter()) });
    let login = json!({ "status": { "authenticated": true, "user": user } });
    Script::authenticator().answers(r#""token":"visitor-"#, &login)
}

/// Lets the team in that is called like the edition.
fn gate(edition: Edition) -> Script {
    let allowed = json!({ "status": { "allowed": true } });
    Script::authorizer().answers(&format!(r#""team-{}""#, edition.letter()), &allowed)
}

fn editor(edition: Edition) -> Script {
    let value = edition.letter().to_string();
    let patch = json!([{ "op": "replace", "path": "/data/edition", "value": value }]);
    Script::mutator().patches(&format!(r#""edition":"{UNDECIDED}""#), &patch)
}

fn referee(edition: Edition) -> Script {
    let message = format!("edition {} says no", edition.letter());
    Script::validator().rejects("please-reject", &message)
}

fn denial(reason: &str) -> Value {
    json!({ "status": { "allowed": false, "denied": true, "reason": reason } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripts_compile_and_every_made_up_module_is_used() {
        let configurations = configuration(Edition::A) + &configuration(Edition::B);
        for (name, script) in scripts() {
            script.compile().unwrap();
            let used = configurations.contains(&format!("/{name}.wasm"));
            assert_eq!(used, name != VETO, "{name}");
        }
    }
}
