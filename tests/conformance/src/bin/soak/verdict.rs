//! The verdict on a response: right, refused during an outage, or wrong.

use conformance::reply::Reply;

use crate::expectation::{Edition, Expected};
use crate::requests::Kind;

/// The verdict on a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The response is right.
    Right,
    /// The request was refused while the policies were down.
    Refused,
    /// The response is neither of these.
    Wrong,
}

/// Judges the response to a request.
#[must_use]
pub fn judge(kind: Kind, reply: &Reply, expected: Expected) -> Verdict {
    let editions = [Edition::A, Edition::B];
    let is_right = |edition| expected.includes(edition) && is_right(kind, reply, edition);
    if editions.into_iter().any(is_right) {
        Verdict::Right
    } else if expected.refusal && is_refusal(reply) {
        Verdict::Refused
    } else {
        Verdict::Wrong
    }
}

/// Returns whether nothing was allowed. A 404 allows a read: a forbidden caller receives no 404.
fn is_refusal(reply: &Reply) -> bool {
    matches!(reply.code, 401 | 403 | 429 | 500 | 503 | 504)
}

/// Returns whether the response is right while `edition` is in effect.
fn is_right(kind: Kind, reply: &Reply, edition: Edition) -> bool {
    let has_message = |text: &str| reply.message().contains(text);
    let failed = |policy: &str| {
        reply.is_admission_failure() && has_message(&format!("policy `{policy}` failed"))
    };
    match kind {
        Kind::KnownToken => reply.is_success() && is_visitor(reply, "userInfo", edition),
        Kind::Handshake => reply.is_success() && is_visitor(reply, "user", edition),
        Kind::UnknownToken | Kind::TokenTrap => reply.code == 401,
        Kind::Allowed | Kind::LeftToRbac => is_allowed(reply),
        Kind::AllowedBy(team) if team == edition => is_allowed(reply),
        Kind::AllowedBy(_) | Kind::Forbidden => reply.is_forbidden(),
        Kind::Denied => reply.is_forbidden() && has_message("you are banned"),
        // No decision; the response depends on the API server.
        Kind::AuthorizerTrap => matches!(reply.code, 403 | 500),
        Kind::Mutated | Kind::Large | Kind::Stored => is_mutated(reply, edition),
        Kind::Rejected => reply.is_rejection() && has_message("magic-validator"),
        Kind::RejectedBy => {
            reply.is_rejection()
                && has_message(&format!("rejected by edition {}", edition.letter()))
        }
        Kind::Trap => failed("strict-mutator"),
        Kind::TrapIgnored => is_mutated(reply, edition) && was_ignored(reply, "lenient-validator"),
        Kind::Hang => failed("hanging"),
        Kind::HangIgnored => reply.is_success() && was_ignored(reply, "hanging-but-ignored"),
        Kind::Greedy => failed("greedy"),
        Kind::Talkative => failed("talkative"),
        Kind::Unmatched => reply.is_success() && reply.warnings.is_empty(),
    }
}

fn is_visitor(reply: &Reply, field: &str, edition: Edition) -> bool {
    let name = format!("visitor-of-{}", edition.letter());
    reply.body["status"][field]["username"] == name
}

/// Returns whether a read was allowed: the object does not exist.
fn is_allowed(reply: &Reply) -> bool {
    reply.code == 404 && reply.body["reason"] == "NotFound"
}

/// Returns whether both mutators changed the object, and the other fields stayed the same.
fn is_mutated(reply: &Reply, edition: Edition) -> bool {
    let (data, name) = (&reply.body["data"], &reply.body["metadata"]["name"]);
    let serial = data["serial"].as_str().unwrap_or_default();
    let is_complete =
        !serial.is_empty() && name.as_str().is_some_and(|name| name.ends_with(serial));
    reply.is_success()
        && is_complete
        && data["magic-value"] == "foobar"
        && data["edition"] == edition.letter().to_string()
}

fn was_ignored(reply: &Reply, policy: &str) -> bool {
    let text = format!("policy `{policy}` failed and was ignored");
    reply.warnings.iter().any(|warning| warning.contains(&text))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn reply(code: u16, body: Value) -> Reply {
        Reply {
            caller: String::new(),
            request: String::new(),
            code,
            warnings: Vec::new(),
            body,
        }
    }

    const SETTLED: Expected = Expected {
        edition: Some(Edition::A),
        refusal: false,
    };
    const DOWN: Expected = Expected {
        edition: None,
        refusal: true,
    };

    fn configmap(data: &Value) -> Value {
        json!({ "metadata": { "name": "1-2" }, "data": data })
    }

    #[test]
    fn an_unmutated_object_is_always_wrong() {
        let unmutated = configmap(&json!({ "edition": "undecided", "serial": "1-2" }));
        for expected in [SETTLED, DOWN] {
            let verdict = judge(Kind::Mutated, &reply(201, unmutated.clone()), expected);
            assert_eq!(verdict, Verdict::Wrong);
        }
    }

    #[test]
    fn the_edition_must_be_in_effect() {
        let data =
            |edition| json!({ "edition": edition, "serial": "1-2", "magic-value": "foobar" });
        let judge_edition = |edition, expected| {
            judge(
                Kind::Mutated,
                &reply(201, configmap(&data(edition))),
                expected,
            )
        };
        assert_eq!(judge_edition("a", SETTLED), Verdict::Right);
        assert_eq!(judge_edition("b", SETTLED), Verdict::Wrong);
        assert_eq!(judge_edition("b", DOWN), Verdict::Right);
    }

    #[test]
    fn a_refusal_is_right_only_while_the_policies_are_down() {
        let failed = reply(500, json!({ "message": "failed calling webhook" }));
        assert_eq!(judge(Kind::Allowed, &failed, DOWN), Verdict::Refused);
        assert_eq!(judge(Kind::Allowed, &failed, SETTLED), Verdict::Wrong);
    }

    #[test]
    fn allowing_a_denied_request_is_always_wrong() {
        let found = reply(404, json!({ "reason": "NotFound" }));
        assert_eq!(judge(Kind::Denied, &found, DOWN), Verdict::Wrong);
    }
}
