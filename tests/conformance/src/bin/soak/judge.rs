//! Right, refused because nobody decides, or wrong.

use conformance::reply::Reply;

use crate::questions::Kind;
use crate::season::{Allowed, Edition};

/// What an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The one right answer.
    Right,
    /// No decision, taken for a no, while the policies were down.
    FailedClosed,
    /// Anything else.
    Wrong,
}

/// Judges the answer to a question of a kind.
#[must_use]
pub fn judge(kind: Kind, reply: &Reply, allowed: Allowed) -> Verdict {
    let editions = [Edition::A, Edition::B];
    let is_right = |edition| allowed.includes(edition) && is_right(kind, reply, edition);
    if editions.into_iter().any(is_right) {
        Verdict::Right
    } else if allowed.refusal && is_refusal(reply) {
        Verdict::FailedClosed
    } else {
        Verdict::Wrong
    }
}

/// Whether nothing was granted. 404 would be: who may not read does not learn that there is nothing.
fn is_refusal(reply: &Reply) -> bool {
    matches!(reply.code, 401 | 403 | 429 | 500 | 503 | 504)
}

/// Whether it is the right answer while `edition` decides.
fn is_right(kind: Kind, reply: &Reply, edition: Edition) -> bool {
    let says = |text: &str| reply.message().contains(text);
    let failed =
        |policy: &str| reply.is_admission_failure() && says(&format!("policy `{policy}` failed"));
    match kind {
        Kind::KnownToken => reply.is_success() && is_visitor(reply, "userInfo", edition),
        Kind::Handshake => reply.is_success() && is_visitor(reply, "user", edition),
        Kind::UnknownToken | Kind::TokenTrap => reply.code == 401,
        Kind::Allowed | Kind::LeftToRbac => is_allowed(reply),
        Kind::AllowedBy(team) if team == edition => is_allowed(reply),
        Kind::AllowedBy(_) | Kind::AllowedByNobody => reply.is_forbidden(),
        Kind::Denied => reply.is_forbidden() && says("you are banned"),
        // Neither yes nor no; what that means is the API server's to say.
        Kind::AuthorizerTrap => matches!(reply.code, 403 | 500),
        Kind::Mutated | Kind::Large | Kind::Stored => is_mutated(reply, edition),
        Kind::Rejected => reply.is_rejection() && says("magic-validator"),
        Kind::RejectedBy => {
            reply.is_rejection() && says(&format!("edition {} says no", edition.letter()))
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

/// Nobody reads what is there: whoever may is told that there is nothing.
fn is_allowed(reply: &Reply) -> bool {
    reply.code == 404 && reply.body["reason"] == "NotFound"
}

/// By both mutators, and with everything else as it was.
fn is_mutated(reply: &Reply, edition: Edition) -> bool {
    let (data, name) = (&reply.body["data"], &reply.body["metadata"]["name"]);
    let serial = data["serial"].as_str().unwrap_or_default();
    let is_whole = !serial.is_empty() && name.as_str().is_some_and(|name| name.ends_with(serial));
    reply.is_success()
        && is_whole
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

    const IN_PLACE: Allowed = Allowed {
        edition: Some(Edition::A),
        refusal: false,
    };
    const DOWN: Allowed = Allowed {
        edition: None,
        refusal: true,
    };

    fn configmap(data: &Value) -> Value {
        json!({ "metadata": { "name": "1-2" }, "data": data })
    }

    #[test]
    fn an_object_that_is_stored_as_it_came_is_always_wrong() {
        let as_it_came = configmap(&json!({ "edition": "undecided", "serial": "1-2" }));
        for allowed in [IN_PLACE, DOWN] {
            let verdict = judge(Kind::Mutated, &reply(201, as_it_came.clone()), allowed);
            assert_eq!(verdict, Verdict::Wrong);
        }
    }

    #[test]
    fn the_edition_has_to_be_the_one_in_place() {
        let data =
            |edition| json!({ "edition": edition, "serial": "1-2", "magic-value": "foobar" });
        let judged = |edition, allowed| {
            judge(
                Kind::Mutated,
                &reply(201, configmap(&data(edition))),
                allowed,
            )
        };
        assert_eq!(judged("a", IN_PLACE), Verdict::Right);
        assert_eq!(judged("b", IN_PLACE), Verdict::Wrong);
        assert_eq!(judged("b", DOWN), Verdict::Right);
    }

    #[test]
    fn a_refusal_is_right_only_while_the_policies_are_down() {
        let failed = reply(500, json!({ "message": "failed calling webhook" }));
        assert_eq!(judge(Kind::Allowed, &failed, DOWN), Verdict::FailedClosed);
        assert_eq!(judge(Kind::Allowed, &failed, IN_PLACE), Verdict::Wrong);
    }

    #[test]
    fn an_allow_of_who_is_denied_is_always_wrong() {
        let found = reply(404, json!({ "reason": "NotFound" }));
        assert_eq!(judge(Kind::Denied, &found, DOWN), Verdict::Wrong);
    }
}
