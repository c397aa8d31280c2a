//! What a decision adds to a request of a real API server: nobody decides, a webhook on loopback, the engine inside.
//!
//! Three clusters run side by side and are asked in turns, each time in another order, so that what slows the machine
//! slows all of them.

use std::time::{Duration, Instant};

use conformance::directory::Directory;
use conformance::objects::{Resource, configmap};
use conformance::{Caller, Cluster, FrontEnd, Operation, Programs, ReviewVersion, Running, Wiring};
use serde_json::json;

use crate::stats::{micros, percentile};

/// How many requests of a kind are made before it is another's turn.
pub const REQUESTS: usize = 100;

/// The doors in the order of the tables; the first is what the others are compared with.
const DOORS: [(FrontEnd, &str); 3] = [
    (FrontEnd::None, "none"),
    (FrontEnd::InProcess, "in process"),
    (FrontEnd::Webhook, "webhook"),
];

/// The magic policies; those of admission decide about ConfigMaps, and about Secrets only by validation.
const POLICIES: &str = r#"
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authentication:
  modules:
  - module: ./modules/magic_authenticator.wasm
authorization:
  modules:
  - module: ./modules/magic_authorizer.wasm
admission:
  modules:
  - module: ./modules/magic_mutator.wasm
    mutating: true
    rules: [{operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"]}]
  - module: ./modules/magic_validator.wasm
    rules: [{operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps", "secrets"]}]
"#;

/// What is asked of the API server, and what decides about it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Token,
    Access,
    Validated,
    Both,
    Unmatched,
}

const KINDS: [(Kind, &str); 5] = [
    (Kind::Token, "authn: an unknown token, 401"),
    (Kind::Access, "authz: get a ConfigMap, 404"),
    (Kind::Validated, "validate: create a Secret"),
    (Kind::Both, "mutate and validate: create a ConfigMap"),
    (Kind::Unmatched, "no rule matches: create a ServiceAccount"),
];

/// A cluster and those who ask.
struct Asked<'a> {
    cluster: Cluster<'a>,
    nobody: Caller,
    magic: Caller,
    admin: Caller,
    /// Every request is a new one: nothing is remembered.
    next: usize,
}

/// What was measured of a kind at a door.
#[derive(Default, Clone)]
struct Found {
    latencies: Vec<Duration>,
    processor: Duration,
}

/// Prints a table: each kind of request at each door.
pub fn measure(rounds: usize, requests: usize) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let programs = Programs::from_environment()?;
        let mut running = Vec::new();
        for (door, _) in DOORS {
            running.push(start(&programs, door).await?);
        }
        let mut asked = Vec::new();
        for running in &running {
            asked.push(Asked::new(running).await);
        }
        let found = rounds_of(&mut asked, rounds, requests).await?;
        print(&found);
        drop(asked);
        for running in running {
            running.stop().await?;
        }
        Ok(())
    })
}

async fn start(programs: &Programs, front_end: FrontEnd) -> anyhow::Result<Running> {
    let wiring = Wiring {
        front_end,
        version: ReviewVersion::V1,
        cache_ttl: None,
        configuration: POLICIES.to_owned(),
        scripts: Vec::new(),
    };
    Running::start(programs, Directory::temporary()?, &wiring).await
}

/// By kind, then by door.
type Table = Vec<Vec<Found>>;

async fn rounds_of(
    asked: &mut [Asked<'_>],
    rounds: usize,
    requests: usize,
) -> anyhow::Result<Table> {
    let mut found = vec![vec![Found::default(); DOORS.len()]; KINDS.len()];
    for round in 0..=rounds {
        for ((kind, _), found) in KINDS.iter().zip(&mut found) {
            for turn in 0..DOORS.len() {
                let door = (round + turn) % DOORS.len();
                let block = asked[door].block(*kind, requests).await?;
                // The first round warms up.
                if round > 0 {
                    found[door].latencies.extend(block.latencies);
                    found[door].processor += block.processor;
                }
            }
        }
    }
    Ok(found)
}

impl<'a> Asked<'a> {
    async fn new(running: &'a Running) -> Self {
        let cluster = Cluster::new(running, "measured");
        let admin = cluster.admin();
        let namespace = Resource::named("namespaces").object("measured");
        admin.accepts(namespace).await;
        // Where nobody decides, RBAC lets the user in.
        let binding = conformance::objects::role_binding("magic", &["magic-user"], "cluster-admin");
        admin.accepts(binding).await;
        Self {
            nobody: cluster.without_credentials(),
            magic: cluster.as_user("magic-user", "magic-group"),
            admin,
            cluster,
            next: 0,
        }
    }

    async fn block(&mut self, kind: Kind, requests: usize) -> anyhow::Result<Found> {
        let running = self.cluster.running();
        let mut latencies = Vec::with_capacity(requests);
        let before = running.processor_time().await?;
        for _ in 0..requests {
            self.next += 1;
            latencies.push(self.request(kind).await?);
        }
        let processor = running.processor_time().await?.saturating_sub(before);
        Ok(Found {
            latencies,
            processor,
        })
    }

    async fn request(&self, kind: Kind) -> anyhow::Result<Duration> {
        let name = format!("n{}", self.next);
        let object =
            |kind: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
        let begin = Instant::now();
        let (reply, expected) = match kind {
            Kind::Token => (self.nobody.who_has(&name).await, 401),
            Kind::Access => (
                self.magic
                    .sends(Operation::get("configmaps", &format!("none-{name}")))
                    .await,
                404,
            ),
            Kind::Validated => (self.admin.sends(object("Secret")).await, 201),
            Kind::Both => (
                self.admin.sends(configmap(&name, [("key", "value")])).await,
                201,
            ),
            Kind::Unmatched => (self.admin.sends(object("ServiceAccount")).await, 201),
        };
        let latency = begin.elapsed();
        anyhow::ensure!(reply.code == expected, "expected {expected}\n{reply}");
        Ok(latency)
    }
}

fn print(table: &Table) {
    println!("## What a decision adds to a request\n");
    println!(
        "| Request | decided | median µs | added | p99 µs | added | CPU µs per request | added |"
    );
    println!("|---|---|---:|---:|---:|---:|---:|---:|");
    for ((_, kind), found) in KINDS.iter().zip(table) {
        let mut base = None;
        for ((_, door), found) in DOORS.iter().zip(found) {
            let mut latencies = found.latencies.clone();
            let figures = [
                percentile(&mut latencies, 50),
                percentile(&mut latencies, 99),
                found.processor / u32::try_from(latencies.len().max(1)).unwrap_or(u32::MAX),
            ];
            let base = *base.get_or_insert(figures);
            let cells: Vec<_> = figures
                .iter()
                .zip(base)
                .map(|(figure, base)| format!("{} | {}", micros(*figure), added(*figure, base)))
                .collect();
            println!("| {kind} | {door} | {} |", cells.join(" | "));
        }
    }
    println!();
}

/// The difference, with its sign.
fn added(figure: Duration, base: Duration) -> String {
    format!("{:+.1}", (figure.as_secs_f64() - base.as_secs_f64()) * 1e6)
}
