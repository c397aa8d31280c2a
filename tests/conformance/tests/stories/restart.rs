//! The server goes away and comes back, and the API server never takes silence for consent.

use std::time::{Duration, Instant};

use conformance::objects::configmap;
use conformance::reply::Reply;
use conformance::{Act, Cluster, Script};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Mutex, MutexGuard};

use crate::wirings::{RESTARTED, login};

/// A cluster whose server one story at a time may stop.
async fn alone() -> (Cluster<'static>, MutexGuard<'static, ()>) {
    static TURN: Mutex<()> = Mutex::const_new(());
    let turn = TURN.lock().await;
    (RESTARTED.cluster().await, turn)
}

/// A clean "not mine" is remembered for two minutes here. The token about which the module failed is asked about again.
#[tokio::test]
async fn a_failed_login_is_not_remembered() {
    let (cluster, _turn) = alone().await;
    let (failed, unknown) = (
        cluster.with_token("visitor-trap"),
        cluster.with_token("visitor-unknown"),
    );
    replace_visitors(
        &cluster,
        &Script::authenticator().when("visitor-trap", Act::Trap),
    )
    .await;
    failed.cannot_log_in().await;
    unknown.cannot_log_in().await;

    replace_visitors(
        &cluster,
        &Script::authenticator().answers("visitor-", &login("visitor", "")),
    )
    .await;
    failed.logs_in_as("visitor", []).await;
    unknown.cannot_log_in().await;
}

#[tokio::test]
async fn without_the_server_nothing_is_accepted() {
    let (cluster, _turn) = alone().await;
    stop(&cluster).await;
    cluster
        .with_token("magic-token-in-vain")
        .cannot_log_in()
        .await;
    cluster
        .as_user("erin", "readers")
        .is_left_without_an_answer("list", "pods")
        .await;
    cluster.admin().may("list", "pods").await;
    cluster.admin().fails(configmap("unseen", [])).await;
    cluster.admin().misses("configmaps", "unseen").await;
    start(&cluster).await;
    cluster
        .admin()
        .stores(configmap("seen", []))
        .await
        .with("/data/magic-value", "foobar");
}

/// While requests flow, the server is told to end and is started again. No answer is ever wrong: what is accepted is
/// mutated, what is forbidden is never accepted, and requests fail only between SIGTERM and readiness.
#[tokio::test]
async fn a_restart_under_traffic_gives_no_wrong_answer() {
    let (cluster, _turn) = alone().await;
    let mut traffic = Traffic::start(&cluster);
    traffic.until_each_is_answered().await;

    let going = Instant::now();
    stop(&cluster).await;
    traffic.until_each_fails().await;
    start(&cluster).await;
    let back = Instant::now();

    traffic.until_each_is_answered().await;
    traffic.stop(going, back).await;
}

async fn replace_visitors(cluster: &Cluster<'_>, script: &Script) {
    let module = script.compile().expect("scripts are small");
    cluster
        .running()
        .directory
        .write("modules/visitors.wasm", module)
        .expect("the directory is ours");
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
        .expect("k8s-wasm ends on SIGTERM");
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
        .expect("k8s-wasm starts on the same port");
}

/// Requests of each kind, one after the other, until nobody listens any more.
struct Traffic {
    answers: UnboundedReceiver<Answer>,
    failures: Vec<Answer>,
}

/// An answer, and when it was asked for.
struct Answer {
    kind: Kind,
    asked: Instant,
    answered: Instant,
    reply: Reply,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// For a ConfigMap that is to be mutated.
    Good,
    /// For a ConfigMap that is to be rejected.
    Forbidden,
    /// With a token that the API server has not seen before.
    Token,
}

const KINDS: [Kind; 3] = [Kind::Good, Kind::Forbidden, Kind::Token];

impl Traffic {
    fn start(cluster: &Cluster<'static>) -> Self {
        let (sender, answers) = unbounded_channel();
        for kind in KINDS {
            tokio::spawn(kind.flow(cluster.in_same_namespace(), sender.clone()));
        }
        Self {
            answers,
            failures: Vec::new(),
        }
    }

    async fn until_each_is_answered(&mut self) {
        self.until_each(Answer::is_right).await;
    }

    async fn until_each_fails(&mut self) {
        self.until_each(Answer::is_failure).await;
    }

    /// Until there is a wanted answer of each kind to a request that is made from now on.
    async fn until_each(&mut self, wanted: fn(&Answer) -> bool) {
        /// Changes come within moments.
        const PATIENCE: Duration = Duration::from_secs(30);
        let since = Instant::now();
        let mut missing = KINDS.to_vec();
        while !missing.is_empty() {
            let answer = self.answers.recv().await.expect("the traffic flows");
            assert!(
                since.elapsed() < PATIENCE,
                "no other answers to {missing:?} than\n{}",
                answer.reply
            );
            if answer.asked > since && wanted(&answer) {
                missing.retain(|kind| *kind != answer.kind);
            }
            self.note(answer);
        }
    }

    /// Requests may have failed only between `going` and `back`.
    async fn stop(mut self, going: Instant, back: Instant) {
        self.answers.close();
        while let Some(answer) = self.answers.recv().await {
            self.note(answer);
        }
        for failure in self.failures {
            let meanwhile = failure.answered > going && failure.asked < back;
            assert!(
                meanwhile,
                "a failure while the server was there\n{}",
                failure.reply
            );
        }
    }

    fn note(&mut self, answer: Answer) {
        if answer.is_failure() {
            self.failures.push(answer);
        } else {
            assert!(answer.is_right(), "a wrong answer\n{}", answer.reply);
        }
    }
}

impl Kind {
    async fn flow(self, cluster: Cluster<'static>, answers: UnboundedSender<Answer>) {
        let admin = cluster.admin();
        for turn in 0.. {
            let asked = Instant::now();
            let reply = match self {
                Self::Good => admin.asks(configmap(&format!("good-{turn}"), [])).await,
                Self::Forbidden => {
                    admin
                        .asks(configmap("forbidden", [("not-allowed-value", "")]))
                        .await
                }
                Self::Token => {
                    cluster
                        .with_token(&format!("lottery-{turn}"))
                        .who_am_i()
                        .await
                }
            };
            let answer = Answer {
                kind: self,
                asked,
                answered: Instant::now(),
                reply,
            };
            if answers.send(answer).is_err() {
                return;
            }
        }
    }
}

impl Answer {
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
