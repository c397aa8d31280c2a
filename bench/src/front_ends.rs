//! The latency that a decision adds to a request of a real API server: with no decision, by webhook
//! on loopback, and with the engine inside.
//!
//! Three clusters run at the same time and receive requests by turns, in a different order each
//! time, so that whatever slows the machine affects all of them.

use std::time::{Duration, Instant};

use conformance::directory::Directory;
use conformance::objects::{Resource, configmap};
use conformance::{Caller, Cluster, FrontEnd, Operation, Programs, ReviewVersion, Running, Wiring};
use serde_json::json;

use crate::stats::{micros, percentile};

/// Number of consecutive requests of one kind.
pub const REQUESTS: usize = 100;

/// The front ends in the order of the tables; the first is the baseline.
const FRONT_ENDS: [(FrontEnd, &str); 3] = [
    (FrontEnd::None, "none"),
    (FrontEnd::InProcess, "in process"),
    (FrontEnd::Webhook, "webhook"),
];

/// The magic policies. ConfigMaps are mutated and validated, Secrets only validated.
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

/// A kind of API request, by the planes that decide about it.
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

/// A cluster and its clients.
struct Target<'a> {
    cluster: Cluster<'a>,
    anonymous: Caller,
    magic: Caller,
    admin: Caller,
    /// Number of the next request, which makes each request unique, so that nothing is cached.
    next: usize,
}

/// The measurements of one kind of request with one front end.
#[derive(Clone, Default)]
struct Measurements {
    latencies: Vec<Duration>,
    processor: Duration,
}

/// Measures each kind of request with each front end, and prints a table.
pub fn measure(rounds: usize, requests: usize) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let programs = Programs::from_environment()?;
        let mut running = Vec::new();
        for (front_end, _) in FRONT_ENDS {
            running.push(start(&programs, front_end).await?);
        }
        let mut targets = Vec::new();
        for running in &running {
            targets.push(Target::new(running).await);
        }
        let table = measure_rounds(&mut targets, rounds, requests).await?;
        print(&table);
        drop(targets);
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

/// Measurements by kind of request, then by front end.
type Table = Vec<Vec<Measurements>>;

async fn measure_rounds(
    targets: &mut [Target<'_>],
    rounds: usize,
    requests: usize,
) -> anyhow::Result<Table> {
    let mut table = vec![vec![Measurements::default(); FRONT_ENDS.len()]; KINDS.len()];
    for round in 0..=rounds {
        for ((kind, _), row) in KINDS.iter().zip(&mut table) {
            for turn in 0..FRONT_ENDS.len() {
                let index = (round + turn) % FRONT_ENDS.len();
                let block = targets[index].block(*kind, requests).await?;
                // The first round is a warm-up.
                if round > 0 {
                    row[index].latencies.extend(block.latencies);
                    row[index].processor += block.processor;
                }
            }
        }
    }
    Ok(table)
}

impl<'a> Target<'a> {
    async fn new(running: &'a Running) -> Self {
        let cluster = Cluster::new(running, "measured");
        let admin = cluster.admin();
        let namespace = Resource::named("namespaces").object("measured");
        admin.accepts(namespace).await;
        // Without k8s-wasm, RBAC authorizes the user.
        let binding = conformance::objects::role_binding("magic", &["magic-user"], "cluster-admin");
        admin.accepts(binding).await;
        Self {
            anonymous: cluster.without_credentials(),
            magic: cluster.as_user("magic-user", "magic-group"),
            admin,
            cluster,
            next: 0,
        }
    }

    async fn block(&mut self, kind: Kind, requests: usize) -> anyhow::Result<Measurements> {
        let running = self.cluster.running();
        let mut latencies = Vec::with_capacity(requests);
        let before = running.processor_time().await?;
        for _ in 0..requests {
            self.next += 1;
            latencies.push(self.request(kind).await?);
        }
        let processor = running.processor_time().await?.saturating_sub(before);
        Ok(Measurements {
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
            Kind::Token => (self.anonymous.who_has(&name).await, 401),
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
        "| Request | front end | median µs | added | p99 µs | added | CPU µs per request | added |"
    );
    println!("|---|---|---:|---:|---:|---:|---:|---:|");
    for ((_, kind), row) in KINDS.iter().zip(table) {
        let mut base = None;
        for ((_, front_end), measured) in FRONT_ENDS.iter().zip(row) {
            let mut latencies = measured.latencies.clone();
            let figures = [
                percentile(&mut latencies, 50),
                percentile(&mut latencies, 99),
                measured.processor / u32::try_from(latencies.len().max(1)).unwrap_or(u32::MAX),
            ];
            let base = *base.get_or_insert(figures);
            let cells: Vec<_> = figures
                .iter()
                .zip(base)
                .map(|(figure, base)| format!("{} | {}", micros(*figure), added(*figure, base)))
                .collect();
            println!("| {kind} | {front_end} | {} |", cells.join(" | "));
        }
    }
    println!();
}

/// Formats the difference in microseconds, with its sign.
fn added(figure: Duration, base: Duration) -> String {
    format!("{:+.1}", (figure.as_secs_f64() - base.as_secs_f64()) * 1e6)
}
