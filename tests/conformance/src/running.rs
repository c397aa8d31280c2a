//! A cluster from its first program to its last: what is started, in which order, and when it is in force.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::caller::Caller;
use crate::cluster::Cluster;
use crate::directory::Directory;
use crate::in_process;
use crate::kubernetes::{ApiServer, Etcd, Plug};
use crate::objects::configmap;
use crate::operation::Operation;
use crate::programs::Programs;
use crate::reply::Reply;
use crate::webhook::{KUBECONFIG, Webhook};
use crate::wiring::{Door, ReviewVersion, Wiring};

/// How long webhook configurations may take to reach the admission plugins; usually a fraction of a second.
const IN_FORCE_MAX: Duration = Duration::from_secs(30);

/// How long kube-apiserver and etcd may take to end.
const STOP_MAX: Duration = Duration::from_secs(10);

/// The programs of one cluster. Dropping it ends them, the API server first.
#[derive(Debug)]
pub struct Running {
    /// The one that obeys.
    pub apiserver: ApiServer,
    /// The one that decides, when the API server does not do so itself. It can be stopped and started.
    webhook: Option<Mutex<Webhook>>,
    /// The one that remembers.
    pub etcd: Etcd,
    /// Where all of them keep their files.
    pub directory: Directory,
}

impl Running {
    /// Starts everything, and returns once every plane is asked.
    ///
    /// # Errors
    /// A program does not start, or the webhooks do not come into force.
    pub async fn start(programs: &Programs, directory: Directory, wiring: &Wiring) -> Result<Self> {
        let configuration = wiring.install(programs, &directory)?;
        let etcd = Etcd::start(programs, &directory);
        let entrance = entrance(programs, &directory, wiring, configuration);
        let (etcd, entrance) = tokio::join!(etcd, entrance);
        let (etcd, (webhook, plug)) = (etcd?, entrance?);
        let apiserver = ApiServer::start(&directory, &etcd, &plug).await?;
        let running = Self {
            apiserver,
            webhook: webhook.map(Mutex::new),
            etcd,
            directory,
        };
        running.let_policies_read()?;
        let admin = running.in_namespace("default").admin();
        match wiring.door {
            Door::Webhook => running.register(&admin, wiring.version).await?,
            Door::InProcess => {}
            Door::Closed => return Ok(running),
        }
        until_in_force(&admin).await?;
        Ok(running)
    }

    /// The server of the door [`Door::Webhook`].
    ///
    /// # Panics
    /// The engine is inside of the API server.
    #[must_use]
    pub fn webhook(&self) -> &Mutex<Webhook> {
        let webhook = self.webhook.as_ref();
        webhook.expect("only a story about the server stops it")
    }

    /// Writes the kubeconfig by which policies ask the API server.
    fn let_policies_read(&self) -> Result<()> {
        let user = self
            .apiserver
            .authority
            .user("policies", "system:masters")?;
        let certificate = self.directory.write("policies.crt", user.certificate)?;
        let key = self.directory.write("policies.key", user.key)?;
        let kubeconfig = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "policies",
            "contexts": [{"name": "policies", "context": {"cluster": "here", "user": "policies"}}],
            "clusters": [{"name": "here", "cluster": {
                "server": self.apiserver.url,
                "certificate-authority": self.apiserver.authority_file,
            }}],
            "users": [{"name": "policies", "user": {
                "client-certificate": certificate, "client-key": key,
            }}],
        });
        self.directory.write(KUBECONFIG, kubeconfig.to_string())?;
        Ok(())
    }

    /// The cluster as seen from a namespace that exists.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Cluster<'_> {
        Cluster::new(self, namespace.to_owned())
    }

    /// How much processor time the API server and what it asks have taken so far.
    ///
    /// # Errors
    /// One of them does not run.
    pub async fn processor_time(&self) -> Result<Duration> {
        let server = match &self.webhook {
            Some(webhook) => webhook.lock().await.processor_time()?,
            None => Duration::ZERO,
        };
        Ok(server + self.apiserver.processor_time()?)
    }

    /// How much memory the program has in RAM that decides, in bytes.
    ///
    /// # Errors
    /// It does not run.
    pub async fn resident(&self) -> Result<u64> {
        match &self.webhook {
            Some(webhook) => webhook.lock().await.process()?.resident(),
            None => self.apiserver.process()?.resident(),
        }
    }

    /// Sends SIGHUP to the program that decides.
    ///
    /// # Errors
    /// It does not run.
    pub async fn hang_up(&self) -> Result<()> {
        match &self.webhook {
            Some(webhook) => webhook.lock().await.process()?.hang_up(),
            None => self.apiserver.process()?.hang_up(),
        }
        Ok(())
    }

    /// Kills the program that decides, as `kill -9` does.
    ///
    /// # Errors
    /// It does not run.
    pub async fn kill(&mut self) -> Result<()> {
        match &self.webhook {
            Some(webhook) => webhook.lock().await.kill(),
            None => self.apiserver.kill(),
        }
    }

    /// Starts it again, and waits until it is ready. It is killed when nobody waits any more.
    ///
    /// # Errors
    /// It runs, or does not start.
    pub async fn start_again(&mut self) -> Result<()> {
        match &self.webhook {
            Some(webhook) => webhook.lock().await.start(&self.directory).await,
            None => self.apiserver.start_again(&self.directory).await,
        }
    }

    /// Ends everything in good order.
    ///
    /// # Errors
    /// A program does not end when it is told to.
    pub async fn stop(self) -> Result<()> {
        self.apiserver.stop(STOP_MAX).await?;
        if let Some(webhook) = self.webhook {
            webhook.into_inner().stop().await?;
        }
        self.etcd.stop(STOP_MAX).await
    }

    /// The ends of the logs, for a story that went wrong.
    #[must_use]
    pub fn logs(&self) -> String {
        let server = self.webhook.as_ref().map(|_| "k8s-wasm");
        let programs = server.into_iter().chain(["kube-apiserver"]);
        let ends: Vec<_> = programs
            .map(|program| self.directory.log_end(program))
            .collect();
        ends.join("\n")
    }

    async fn register(&self, admin: &Caller, version: ReviewVersion) -> Result<()> {
        for mut configuration in Webhook::configurations(&self.directory)? {
            for webhook in configuration["webhooks"]
                .as_array_mut()
                .into_iter()
                .flatten()
            {
                webhook["admissionReviewVersions"] =
                    Value::from(version.admission_review_versions().to_vec());
            }
            let reply = admin
                .posts(&collection(&configuration)?, &configuration)
                .await;
            ensure!(
                reply.is_success(),
                "a webhook configuration is not taken\n{reply}"
            );
        }
        Ok(())
    }
}

/// Starts what decides when that is a program of its own, and tells how the kube-apiserver comes to ask.
async fn entrance(
    programs: &Programs,
    directory: &Directory,
    wiring: &Wiring,
    configuration: PathBuf,
) -> Result<(Option<Webhook>, Plug)> {
    match wiring.door {
        Door::Webhook => {
            let mut webhook = Webhook::new(programs, configuration)?;
            webhook.start(directory).await?;
            let mut plug = webhook.manifests(directory, wiring.cache_ttl)?;
            wiring.version.rewrite(directory, &mut plug.flags)?;
            Ok((Some(webhook), plug))
        }
        Door::InProcess => {
            let plug = in_process::plug(programs, directory, &configuration, wiring.cache_ttl)?;
            Ok((None, plug))
        }
        Door::Closed => {
            let program = programs.kube_apiserver.clone();
            let flags = Vec::new();
            Ok((None, Plug { program, flags }))
        }
    }
}

/// The URL path of `mutatingwebhookconfigurations` or `validatingwebhookconfigurations`.
fn collection(configuration: &Value) -> Result<String> {
    let kind = configuration["kind"]
        .as_str()
        .context("a webhook configuration has no kind")?;
    Ok(format!(
        "/apis/admissionregistration.k8s.io/v1/{}s",
        kind.to_lowercase()
    ))
}

/// The API server learns of webhook configurations by a watch, each kind by its own: both have taken effect when one
/// ConfigMap is mutated and another one rejected.
async fn until_in_force(admin: &Caller) -> Result<()> {
    let try_out = async |data| {
        admin
            .asks(Operation::create(configmap("is-it-in-force", data)).dry_run())
            .await
    };
    let deadline = Instant::now() + IN_FORCE_MAX;
    loop {
        let mutated = try_out([("key", "value")]).await;
        let rejected = try_out([("not-allowed-value", "")]).await;
        if is_mutated(&mutated) && rejected.is_rejection() {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "the admission webhooks are not in force after {IN_FORCE_MAX:?}\n{mutated}\n{rejected}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn is_mutated(reply: &Reply) -> bool {
    reply.is_success() && reply.body["data"]["magic-value"] == "foobar"
}
