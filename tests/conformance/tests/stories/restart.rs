//! Stories of a webhook server that stops and restarts. Without it, the API server allows nothing.

use std::time::{Duration, Instant};

use conformance::objects::configmap;
use conformance::reply::Reply;
use conformance::{Action, Cluster, Script};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Mutex, MutexGuard};

use crate::wirings::{RESTARTED, login};

/// Returns the cluster whose server one story at a time may stop.
async fn exclusive() -> (Cluster<'static>, MutexGuard<'static, ()>) {
    static LOCK: Mutex<()> = Mutex::const_new(());
    let guard = LOCK.lock().await;
    (RESTARTED.cluster().await, guard)
}

/// An unknown token is cached for two minutes here. A token for which the module failed is
/// evaluated again.
#[tokio::test]
async fn does_not_cache_failures() {
    let (cluster, _guard) = exclusive().await;
    let (failed, unknown) = (
        cluster.with_token("visitor-trap"),
        cluster.with_token("visitor-unknown"),
    );
    replace_visitors(
        &cluster,
        &Script::authenticator().when("visitor-trap", Action::Trap),
    )
    .await;
    failed.cannot_log_in().await;
    unknown.cannot_log_in().await;

    replace_visitors(
        &cluster,
        &Script::authenticator().responds("visitor-", &login("visitor", "")),
    )
    .await;
    failed.logs_in_as("visitor", []).await;
    unknown.cannot_log_in().await;
}

#[tokio::test]
async fn accepts_nothing_without_the_server() {
    let (cluster, _guard) = exclusive().await;
    stop(&cluster).await;
    cluster
        .with_token("magic-token-in-vain")
        .cannot_log_in()
        .await;
    cluster
        .as_user("erin", "readers")
        .gets_no_decision("list", "pods")
        .await;
    cluster.admin().may("list", "pods").await;
    cluster.admin().fails(configmap("unseen", [])).await;
    cluster.admin().finds_no("configmaps", "unseen").await;
    start(&cluster).await;
    cluster
        .admin()
        .stores(configmap("seen", []))
        .await
        .with("/data/magic-value", "foobar");
}

/// The server is stopped and restarted under traffic. No response is wrong: accepted objects are
/// mutated, forbidden ones are never accepted, and requests fail only between SIGTERM and
/// readiness.
#[tokio::test]
async fn a_restart_under_traffic_causes_no_wrong_response() {
    let (cluster, _guard) = exclusive().await;
    let mut traffic = Traffic::start(&cluster);
    traffic.until_each_succeeds().await;

    let stopping = Instant::now();
    stop(&cluster).await;
    traffic.until_each_fails().await;
    start(&cluster).await;
    let ready = Instant::now();

    traffic.until_each_succeeds().await;
    traffic.stop(stopping, ready).await;
}

async fn replace_visitors(cluster: &Cluster<'_>, script: &Script) {
    let module = script.compile().unwrap();
    cluster
        .running()
        .directory
        .write("modules/visitors.wasm", module)
        .unwrap();
    stop(cluster).await;
    start(cluster).await;
}

async fn stop(cluster: &Cluster<'_>) {
    let status = cluster
        .running()
        .webhook()
        .lock()
        .await
        .stop()
        .await
        .unwrap();
    assert!(status.success(), "k8s-wasm ended with {status}");
}

async fn start(cluster: &Cluster<'_>) {
    let running = cluster.running();
    running
        .webhook()
        .lock()
        .await
        .start(&running.directory)
        .await
        .unwrap();
}

/// A task for each kind of request, which sends requests one after the other until its receiver is
/// dropped.
struct Traffic {
    exchanges: UnboundedReceiver<Exchange>,
    failures: Vec<Exchange>,
}

/// A response, with the times of its request.
struct Exchange {
    kind: Kind,
    sent: Instant,
    received: Instant,
    reply: Reply,
}

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Creates a ConfigMap that must be mutated.
    Good,
    /// Creates a ConfigMap that must be rejected.
    Forbidden,
    /// Uses a token that the API server has not cached.
    Token,
}

const KINDS: [Kind; 3] = [Kind::Good, Kind::Forbidden, Kind::Token];

impl Traffic {
    fn start(cluster: &Cluster<'static>) -> Self {
        let (sender, exchanges) = unbounded_channel();
        for kind in KINDS {
            tokio::spawn(kind.send(cluster.in_same_namespace(), sender.clone()));
        }
        Self {
            exchanges,
            failures: Vec::new(),
        }
    }

    async fn until_each_succeeds(&mut self) {
        self.until_each(Exchange::is_right).await;
    }

    async fn until_each_fails(&mut self) {
        self.until_each(Exchange::is_failure).await;
    }

    /// Waits for a matching response of each kind to a request that is sent from now on.
    async fn until_each(&mut self, matches: fn(&Exchange) -> bool) {
        const TIMEOUT: Duration = Duration::from_secs(30);
        let start = Instant::now();
        let mut missing = KINDS.to_vec();
        while !missing.is_empty() {
            let exchange = self.exchanges.recv().await.unwrap();
            assert!(
                start.elapsed() < TIMEOUT,
                "{missing:?}: no expected response; the last one is\n{}",
                exchange.reply
            );
            if exchange.sent > start && matches(&exchange) {
                missing.retain(|kind| *kind != exchange.kind);
            }
            self.record(exchange);
        }
    }

    /// Stops the traffic. Requests may have failed only between `stopping` and `ready`.
    async fn stop(mut self, stopping: Instant, ready: Instant) {
        self.exchanges.close();
        while let Some(exchange) = self.exchanges.recv().await {
            self.record(exchange);
        }
        for failure in self.failures {
            let is_expected = failure.received > stopping && failure.sent < ready;
            assert!(
                is_expected,
                "a failure while the server was running\n{}",
                failure.reply
            );
        }
    }

    fn record(&mut self, exchange: Exchange) {
        if exchange.is_failure() {
            self.failures.push(exchange);
        } else {
            assert!(exchange.is_right(), "a wrong response\n{}", exchange.reply);
        }
    }
}

impl Kind {
    async fn send(self, cluster: Cluster<'static>, exchanges: UnboundedSender<Exchange>) {
        let admin = cluster.admin();
        for turn in 0.. {
            let sent = Instant::now();
            let reply = match self {
                Self::Good => admin.sends(configmap(&format!("good-{turn}"), [])).await,
                Self::Forbidden => {
                    admin
                        .sends(configmap("forbidden", [("not-allowed-value", "")]))
                        .await
                }
                Self::Token => {
                    cluster
                        .with_token(&format!("lottery-{turn}"))
                        .who_am_i()
                        .await
                }
            };
            let exchange = Exchange {
                kind: self,
                sent,
                received: Instant::now(),
                reply,
            };
            if exchanges.send(exchange).is_err() {
                return;
            }
        }
    }
}

impl Exchange {
    fn is_right(&self) -> bool {
        let (reply, body) = (&self.reply, &self.reply.body);
        match self.kind {
            Kind::Good => reply.is_success() && body["data"]["magic-value"] == "foobar",
            Kind::Forbidden => reply.is_rejection(),
            Kind::Token => reply.is_success() && body["status"]["userInfo"]["username"] == "winner",
        }
    }

    fn is_failure(&self) -> bool {
        match self.kind {
            Kind::Good | Kind::Forbidden => self.reply.is_admission_failure(),
            Kind::Token => self.reply.code == 401,
        }
    }
}
