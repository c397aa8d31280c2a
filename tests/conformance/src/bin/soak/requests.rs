//! The kinds of requests to the API server, each with one right response.

use std::time::Duration;

use anyhow::{Context as _, Result};
use conformance::http::{Credentials, Endpoint};
use conformance::objects::{Resource, configmap, deployment};
use conformance::reply::Reply;
use conformance::{Caller, Cluster, Operation};
use serde_json::{Value, json};

use crate::expectation::Edition;
use crate::policies::PENDING;
use crate::random::Random;

/// The timeout of a request, longer than all deadlines on its way to a module.
const TIMEOUT: Duration = Duration::from_secs(40);

/// A kind of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A token that the edition recognizes.
    KnownToken,
    /// A token that no policy recognizes.
    UnknownToken,
    /// A token on which an authenticator traps.
    TokenTrap,
    /// Like `KnownToken`, sent to `k8s-wasm serve` over a new connection, which checks its
    /// certificate.
    Handshake,
    /// A read by a member of `magic-group`.
    Allowed,
    /// A read by a member of the team that only this edition allows.
    AllowedBy(Edition),
    /// A read that RBAC allows and a policy denies.
    Denied,
    /// A read that RBAC allows and no policy has an opinion on.
    LeftToRbac,
    /// A read that neither RBAC nor a policy allows.
    Forbidden,
    /// A read on which an authorizer traps.
    AuthorizerTrap,
    /// A dry run of a ConfigMap that two policies mutate and three accept.
    Mutated,
    /// Like `Mutated`, with 200 kB of data.
    Large,
    /// Like `Mutated`, stored and read again.
    Stored,
    /// A ConfigMap that both editions reject.
    Rejected,
    /// A ConfigMap that an edition rejects with its own message.
    RejectedBy,
    /// A ConfigMap on which a policy with `failurePolicy: Fail` traps.
    Trap,
    /// A ConfigMap on which a policy with `failurePolicy: Ignore` traps.
    TrapIgnored,
    /// An object on which a policy with `failurePolicy: Fail` hangs.
    Hang,
    /// An object on which a policy with `failurePolicy: Ignore` hangs.
    HangIgnored,
    /// An object on which a policy exceeds its memory limit.
    Greedy,
    /// An object on which a policy exceeds its output limit.
    Talkative,
    /// An object that no rule matches.
    Unmatched,
}

/// The weight of each kind, relative to the sum, and its name.
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
    (Kind::Forbidden, 40, "authz: forbidden"),
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

/// The callers. All but one have client certificates, so that requests for authorization and
/// admission need no authentication policy.
#[derive(Clone)]
pub struct Clients {
    anonymous: Caller,
    admin: Caller,
    magic: Caller,
    teams: [Caller; 2],
    banned: Caller,
    reader: Caller,
    stranger: Caller,
    trap: Caller,
    /// The endpoint of the webhooks, if there is one.
    webhooks: Option<Endpoint>,
}

impl Clients {
    /// Creates the callers. `webhooks` is the endpoint of the webhooks, without credentials.
    ///
    /// # Panics
    /// Panics if no client can be created.
    #[must_use]
    pub fn new(cluster: &Cluster<'_>, webhooks: Option<Endpoint>) -> Self {
        Self {
            anonymous: cluster.without_credentials(),
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
            webhooks,
        }
    }

    /// Returns the kinds that the front end supports.
    #[must_use]
    pub fn kinds(&self) -> Vec<Kind> {
        let kinds = KINDS.map(|(kind, _, _)| kind);
        let is_supported = |kind: &Kind| *kind != Kind::Handshake || self.webhooks.is_some();
        kinds.into_iter().filter(is_supported).collect()
    }

    /// Sends a request. Each has another `serial`, so that no response comes from a cache.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn send(&self, kind: Kind, serial: &str) -> Result<Reply> {
        tokio::time::timeout(TIMEOUT, self.send_without_timeout(kind, serial))
            .await
            .with_context(|| format!("no response within {TIMEOUT:?}"))?
    }

    async fn send_without_timeout(&self, kind: Kind, serial: &str) -> Result<Reply> {
        let read = || Operation::get("configmaps", serial);
        match kind {
            Kind::KnownToken => self.send_token(&format!("visitor-{serial}")).await,
            Kind::UnknownToken => self.send_token(&format!("unknown-{serial}")).await,
            Kind::TokenTrap => self.send_token(&format!("trap-{serial}")).await,
            Kind::Handshake => self.send_over_new_connection(serial).await,
            Kind::Allowed => self.magic.try_send(&read()).await,
            Kind::AllowedBy(Edition::A) => self.teams[0].try_send(&read()).await,
            Kind::AllowedBy(Edition::B) => self.teams[1].try_send(&read()).await,
            Kind::Denied => self.banned.try_send(&read()).await,
            Kind::LeftToRbac => self.reader.try_send(&read()).await,
            Kind::Forbidden => self.stranger.try_send(&read()).await,
            Kind::AuthorizerTrap => self.trap.try_send(&read()).await,
            Kind::Stored => self.store(serial).await,
            _ => {
                let operation = Operation::create(object(kind, serial)).dry_run();
                self.admin.try_send(&operation).await
            }
        }
    }

    async fn send_token(&self, token: &str) -> Result<Reply> {
        self.anonymous.try_token(token).await
    }

    /// Stores an object, reads it and removes it. Returns the response to the read.
    async fn store(&self, name: &str) -> Result<Reply> {
        let write = Operation::create(object(Kind::Stored, name));
        let written = self.admin.try_send(&write).await?;
        if !written.is_success() {
            return Ok(written);
        }
        let read = Operation::get("configmaps", name);
        let stored = self.admin.try_send(&read).await?;
        let remove = Operation::delete("configmaps", name);
        let removed = self.admin.try_send(&remove).await?;
        Ok(if removed.is_success() {
            stored
        } else {
            removed
        })
    }

    async fn send_over_new_connection(&self, serial: &str) -> Result<Reply> {
        let webhooks = self.webhooks.as_ref().context("there are no webhooks")?;
        let caller = Caller::new("a new client".to_owned(), webhooks.client()?, String::new());
        let review = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": { "token": format!("visitor-{serial}") },
        });
        caller.try_post("/authn", &review).await
    }
}

/// Draws a kind at random, by weight.
#[must_use]
pub fn draw(random: &mut Random, kinds: &[Kind]) -> Kind {
    let weighted = || KINDS.iter().filter(|(kind, _, _)| kinds.contains(kind));
    let sum = weighted().map(|(_, weight, _)| weight).sum();
    let mut remaining = random.below(sum);
    for (kind, weight, _) in weighted() {
        if remaining < *weight {
            return *kind;
        }
        remaining -= weight;
    }
    Kind::KnownToken
}

/// Returns the endpoint of the webhooks, whose certificate the authority `ca` (PEM) issued.
///
/// # Errors
/// If `ca` is not a certificate.
pub fn webhooks(url: &str, ca: &str) -> Result<Endpoint> {
    let der = crate::certificate::der(ca)?;
    Endpoint::tls(url, der, Credentials::Anonymous)
}

fn object(kind: Kind, name: &str) -> Value {
    let pending = [("edition", PENDING), ("serial", name)];
    match kind {
        Kind::Rejected => configmap(name, [("not-allowed-value", ""), ("serial", name)]),
        Kind::RejectedBy => configmap(name, [("please-reject", ""), ("serial", name)]),
        Kind::Trap => configmap(&format!("trap-in-strict-{name}"), pending),
        Kind::TrapIgnored => configmap(&format!("trap-in-lenient-{name}"), pending),
        Kind::Large => {
            let large = "0123456789".repeat(20_000);
            configmap(name, pending.into_iter().chain([("large", large.as_str())]))
        }
        Kind::Hang => Resource::named("secrets").object(name),
        Kind::HangIgnored => Resource::named("limitranges").object(name),
        Kind::Greedy => Resource::named("resourcequotas").object(name),
        Kind::Talkative => deployment(name, 1),
        Kind::Unmatched => Resource::named("serviceaccounts").object(name),
        _ => configmap(name, pending),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_every_kind_eventually() {
        let kinds = KINDS.map(|(kind, _, _)| kind);
        let mut random = Random::new(1, 1);
        let mut drawn: Vec<Kind> = (0..50_000).map(|_| draw(&mut random, &kinds)).collect();
        drawn.sort();
        drawn.dedup();
        assert_eq!(drawn.len(), kinds.len());
    }
}
