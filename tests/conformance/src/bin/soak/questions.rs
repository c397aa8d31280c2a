//! What is asked of the API server: kinds of requests, each with one right answer.

use std::time::Duration;

use anyhow::{Context as _, Result};
use conformance::http::{Credentials, Endpoint};
use conformance::objects::{Resource, configmap, deployment};
use conformance::reply::Reply;
use conformance::{Caller, Cluster, Operation};
use serde_json::{Value, json};

use crate::policies::UNDECIDED;
use crate::random::Random;
use crate::season::Edition;

/// Longer than any deadline between here and a module: whoever waits longer has lost the request.
const PATIENCE: Duration = Duration::from_secs(40);

/// A kind of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A token that the edition knows.
    KnownToken,
    /// One that nobody knows.
    UnknownToken,
    /// One on which an authenticator traps.
    TokenTrap,
    /// The same as `KnownToken`, asked of `k8s-wasm serve` over a new connection, which sees its certificate.
    Handshake,
    /// By a member of `magic-group`.
    Allowed,
    /// By a member of the team that only this edition allows.
    AllowedBy(Edition),
    /// By somebody whom RBAC allows, and a policy does not.
    Denied,
    /// By somebody whom RBAC allows, and no policy knows.
    LeftToRbac,
    /// By somebody whom nobody knows.
    AllowedByNobody,
    /// By somebody on whom an authorizer traps.
    AuthorizerTrap,
    /// A ConfigMap that two policies change and three accept; nothing is stored.
    Mutated,
    /// The same with 200 kB in it.
    Large,
    /// The same, stored and read again.
    Stored,
    /// A ConfigMap that both editions reject.
    Rejected,
    /// A ConfigMap that an edition rejects in its own words.
    RejectedBy,
    /// A ConfigMap on which a policy traps that must not.
    Trap,
    /// A ConfigMap on which a policy traps that is ignored then.
    TrapIgnored,
    /// An object on which a policy hangs that must not.
    Hang,
    /// An object on which a policy hangs that is ignored then.
    HangIgnored,
    /// An object on which a policy asks for more memory than it may have.
    Greedy,
    /// An object on which a policy answers more than it may.
    Talkative,
    /// An object that no rule matches.
    Unmatched,
}

/// How often each kind is asked, in parts of their sum; and what it is called.
pub const KINDS: [(Kind, u64, &str); 23] = [
    (Kind::KnownToken, 160, "authn: a known token"),
    (Kind::UnknownToken, 110, "authn: an unknown token"),
    (Kind::TokenTrap, 10, "authn: traps"),
    (Kind::Handshake, 15, "authn: over a new connection"),
    (Kind::Allowed, 100, "authz: allowed"),
    (
        Kind::AllowedBy(Edition::A),
        60,
        "authz: allowed by edition a",
    ),
    (
        Kind::AllowedBy(Edition::B),
        60,
        "authz: allowed by edition b",
    ),
    (Kind::Denied, 80, "authz: denied"),
    (Kind::LeftToRbac, 60, "authz: left to RBAC"),
    (Kind::AllowedByNobody, 40, "authz: allowed by nobody"),
    (Kind::AuthorizerTrap, 10, "authz: traps"),
    (Kind::Mutated, 100, "admission: mutated"),
    (Kind::Large, 2, "admission: mutated, 200 kB"),
    (Kind::Stored, 30, "admission: mutated and stored"),
    (Kind::Rejected, 50, "admission: rejected"),
    (Kind::RejectedBy, 50, "admission: rejected by edition"),
    (Kind::Trap, 15, "admission: traps, fails"),
    (Kind::TrapIgnored, 15, "admission: traps, ignored"),
    (Kind::Hang, 1, "admission: hangs, fails"),
    (Kind::HangIgnored, 1, "admission: hangs, ignored"),
    (Kind::Greedy, 2, "admission: too much memory"),
    (Kind::Talkative, 2, "admission: too much output"),
    (Kind::Unmatched, 27, "admission: no rule matches"),
];

/// Those who ask; whoever has no token has a client certificate, so that one plane is asked after the other.
#[derive(Clone)]
pub struct Askers {
    nobody: Caller,
    admin: Caller,
    magic: Caller,
    teams: [Caller; 2],
    banned: Caller,
    reader: Caller,
    stranger: Caller,
    trap: Caller,
    /// The webhooks themselves, where there are some.
    door: Option<Endpoint>,
}

impl Askers {
    /// `door` is where the webhooks are, for the bearer of nothing.
    ///
    /// # Panics
    /// No client can be made.
    #[must_use]
    pub fn new(cluster: &Cluster<'_>, door: Option<Endpoint>) -> Self {
        Self {
            nobody: cluster.without_credentials(),
            admin: cluster.admin(),
            magic: cluster.as_user("magician", "magic-group"),
            teams: [
                cluster.as_user("anna", "team-a"),
                cluster.as_user("bert", "team-b"),
            ],
            banned: cluster.as_user("banned", "readers"),
            reader: cluster.as_user("reader", "readers"),
            stranger: cluster.as_user("stranger", "strangers"),
            trap: cluster.as_user("trap", "strangers"),
            door,
        }
    }

    /// The kinds that can be asked here.
    #[must_use]
    pub fn kinds(&self) -> Vec<Kind> {
        let kinds = KINDS.map(|(kind, _, _)| kind);
        let possible = |kind: &Kind| *kind != Kind::Handshake || self.door.is_some();
        kinds.into_iter().filter(possible).collect()
    }

    /// Asks a question of a kind. No two have the same `serial`, so that no answer is one that somebody remembers.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn ask(&self, kind: Kind, serial: &str) -> Result<Reply> {
        tokio::time::timeout(PATIENCE, self.ask_patiently(kind, serial))
            .await
            .with_context(|| format!("no answer within {PATIENCE:?}"))?
    }

    async fn ask_patiently(&self, kind: Kind, serial: &str) -> Result<Reply> {
        let read = || Operation::get("configmaps", serial);
        match kind {
            Kind::KnownToken => self.has_token(&format!("visitor-{serial}")).await,
            Kind::UnknownToken => self.has_token(&format!("unknown-{serial}")).await,
            Kind::TokenTrap => self.has_token(&format!("trap-{serial}")).await,
            Kind::Handshake => self.shake_hands(serial).await,
            Kind::Allowed => self.magic.tries(&read()).await,
            Kind::AllowedBy(Edition::A) => self.teams[0].tries(&read()).await,
            Kind::AllowedBy(Edition::B) => self.teams[1].tries(&read()).await,
            Kind::Denied => self.banned.tries(&read()).await,
            Kind::LeftToRbac => self.reader.tries(&read()).await,
            Kind::AllowedByNobody => self.stranger.tries(&read()).await,
            Kind::AuthorizerTrap => self.trap.tries(&read()).await,
            Kind::Stored => self.store(serial).await,
            _ => {
                let operation = Operation::create(object(kind, serial)).dry_run();
                self.admin.tries(&operation).await
            }
        }
    }

    async fn has_token(&self, token: &str) -> Result<Reply> {
        self.nobody.tries_token(token).await
    }

    /// What a read finds; it is removed again.
    async fn store(&self, name: &str) -> Result<Reply> {
        let write = Operation::create(object(Kind::Stored, name));
        let written = self.admin.tries(&write).await?;
        if !written.is_success() {
            return Ok(written);
        }
        let read = Operation::get("configmaps", name);
        let stored = self.admin.tries(&read).await?;
        let remove = Operation::delete("configmaps", name);
        let removed = self.admin.tries(&remove).await?;
        Ok(if removed.is_success() {
            stored
        } else {
            removed
        })
    }

    async fn shake_hands(&self, serial: &str) -> Result<Reply> {
        let door = self.door.as_ref().context("there are no webhooks")?;
        let caller = Caller::new("a new client".to_owned(), door.client()?, String::new());
        let review = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": { "token": format!("visitor-{serial}") },
        });
        caller.tries_post("/authn", &review).await
    }
}

/// A question is drawn as often as its kind says.
#[must_use]
pub fn draw(random: &mut Random, kinds: &[Kind]) -> Kind {
    let weighted = || KINDS.iter().filter(|(kind, _, _)| kinds.contains(kind));
    let sum = weighted().map(|(_, weight, _)| weight).sum();
    let mut left = random.below(sum);
    for (kind, weight, _) in weighted() {
        if left < *weight {
            return *kind;
        }
        left -= weight;
    }
    Kind::KnownToken
}

/// The webhooks that trust in the certificate authority in `ca`, PEM, vouches for.
///
/// # Errors
/// `ca` is none.
pub fn door(url: &str, ca: &str) -> Result<Endpoint> {
    let der = crate::certificate::der(ca)?;
    Endpoint::tls(url, der, Credentials::Anonymous)
}

fn object(kind: Kind, name: &str) -> Value {
    let decided = [("edition", UNDECIDED), ("serial", name)];
    match kind {
        Kind::Rejected => configmap(name, [("not-allowed-value", ""), ("serial", name)]),
        Kind::RejectedBy => configmap(name, [("please-reject", ""), ("serial", name)]),
        Kind::Trap => configmap(&format!("trap-in-strict-{name}"), decided),
        Kind::TrapIgnored => configmap(&format!("trap-in-lenient-{name}"), decided),
        Kind::Large => {
            let large = "0123456789".repeat(20_000);
            configmap(name, decided.into_iter().chain([("large", large.as_str())]))
        }
        Kind::Hang => Resource::named("secrets").object(name),
        Kind::HangIgnored => Resource::named("limitranges").object(name),
        Kind::Greedy => Resource::named("resourcequotas").object(name),
        Kind::Talkative => deployment(name, 1),
        Kind::Unmatched => Resource::named("serviceaccounts").object(name),
        _ => configmap(name, decided),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_drawn_in_the_long_run() {
        let kinds = KINDS.map(|(kind, _, _)| kind);
        let mut random = Random::new(1, 1);
        let mut drawn: Vec<Kind> = (0..50_000).map(|_| draw(&mut random, &kinds)).collect();
        drawn.sort();
        drawn.dedup();
        assert_eq!(drawn.len(), kinds.len());
    }
}
