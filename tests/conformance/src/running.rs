//! The programs of a cluster: their start in order, the wait until policies take effect, and their
//! end.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::caller::Caller;
use crate::directory::Directory;
use crate::in_process;
use crate::kubernetes::{ApiServer, Etcd, Launch};
use crate::objects::configmap;
use crate::operation::Operation;
use crate::programs::Programs;
use crate::reply::Reply;
use crate::webhook::{KUBECONFIG, Webhook};
use crate::wiring::{FrontEnd, ReviewVersion, Wiring};

/// The time that webhook configurations may take to reach the admission plugins; usually a fraction
/// of a second.
const MAX_ACTIVATION_TIME: Duration = Duration::from_secs(30);

/// The time that kube-apiserver and etcd may take to shut down.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// The running programs of one cluster. Dropping it ends them, the API server first.
#[derive(Debug)]
pub struct Running {
    /// The API server.
    pub apiserver: ApiServer,
    /// The webhook server, if the wiring has one. It can be stopped and started.
    webhook: Option<Mutex<Webhook>>,
    /// The store.
    pub etcd: Etcd,
    /// The directory of all files.
    pub directory: Directory,
}

impl Running {
    /// Starts all programs, and returns when the policies of every plane take effect.
    ///
    /// # Errors
    /// If a program does not start, or the webhooks do not take effect.
    pub async fn start(programs: &Programs, directory: Directory, wiring: &Wiring) -> Result<Self> {
        let configuration = wiring.install(programs, &directory)?;
        let etcd = Etcd::start(programs, &directory);
        let front_end = start_front_end(programs, &directory, wiring, configuration);
        let (etcd, front_end) = tokio::join!(etcd, front_end);
        let (etcd, (webhook, launch)) = (etcd?, front_end?);
        let apiserver = ApiServer::start(&directory, &etcd, &launch).await?;
        let running = Self {
            apiserver,
            webhook: webhook.map(Mutex::new),
            etcd,
            directory,
        };
        running.write_policy_kubeconfig()?;
        let admin = running.admin()?;
        match wiring.front_end {
            FrontEnd::Webhook => running.register(&admin, wiring.version).await?,
            FrontEnd::InProcess => {}
            FrontEnd::None => return Ok(running),
        }
        until_active(&admin).await?;
        Ok(running)
    }

    /// Returns the server of [`FrontEnd::Webhook`].
    ///
    /// # Panics
    /// Panics if the wiring has another front end.
    #[must_use]
    pub fn webhook(&self) -> &Mutex<Webhook> {
        let webhook = self.webhook.as_ref();
        webhook.unwrap()
    }

    /// Writes the kubeconfig with which policies query the API server.
    fn write_policy_kubeconfig(&self) -> Result<()> {
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

    /// Creates a member of `system:masters` in the namespace `default`.
    fn admin(&self) -> Result<Caller> {
        let endpoint = self.apiserver.as_user("admin", "system:masters")?;
        let (client, namespace) = (endpoint.client()?, "default".to_owned());
        Ok(Caller::new("the harness".to_owned(), client, namespace))
    }

    /// Returns the processor time of the API server and the webhook server so far.
    ///
    /// # Errors
    /// If one of them is not running.
    pub async fn processor_time(&self) -> Result<Duration> {
        let server = match &self.webhook {
            Some(webhook) => webhook.lock().await.processor_time()?,
            None => Duration::ZERO,
        };
        Ok(server + self.apiserver.processor_time()?)
    }

    /// Returns the resident memory of the program that runs the policies, in bytes.
    ///
    /// # Errors
    /// If it is not running.
    pub async fn resident(&self) -> Result<u64> {
        match &self.webhook {
            Some(webhook) => webhook.lock().await.process()?.resident(),
            None => self.apiserver.process()?.resident(),
        }
    }

    /// Sends SIGHUP to the program that runs the policies.
    ///
    /// # Errors
    /// If it is not running.
    pub async fn hang_up(&self) -> Result<()> {
        match &self.webhook {
            Some(webhook) => webhook.lock().await.process()?.hang_up(),
            None => self.apiserver.process()?.hang_up(),
        }
        Ok(())
    }

    /// Kills the program that runs the policies with SIGKILL.
    ///
    /// # Errors
    /// If it is not running.
    pub async fn kill(&mut self) -> Result<()> {
        match &self.webhook {
            Some(webhook) => webhook.lock().await.kill(),
            None => self.apiserver.kill(),
        }
    }

    /// Restarts the program that runs the policies, and waits until it is ready. Dropping the
    /// future kills it.
    ///
    /// # Errors
    /// If it is already running, or does not start.
    pub async fn restart(&mut self) -> Result<()> {
        match &self.webhook {
            Some(webhook) => webhook.lock().await.start(&self.directory).await,
            None => self.apiserver.restart(&self.directory).await,
        }
    }

    /// Shuts down all programs.
    ///
    /// # Errors
    /// If a program does not shut down.
    pub async fn stop(self) -> Result<()> {
        self.apiserver.stop(STOP_TIMEOUT).await?;
        if let Some(webhook) = self.webhook {
            webhook.into_inner().stop().await?;
        }
        self.etcd.stop(STOP_TIMEOUT).await
    }

    /// Returns the ends of the logs.
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
                "the API server rejected a webhook configuration\n{reply}"
            );
        }
        Ok(())
    }
}

/// Starts the webhook server if there is one. Returns the command line of the kube-apiserver.
async fn start_front_end(
    programs: &Programs,
    directory: &Directory,
    wiring: &Wiring,
    configuration: PathBuf,
) -> Result<(Option<Webhook>, Launch)> {
    match wiring.front_end {
        FrontEnd::Webhook => {
            let mut webhook = Webhook::new(programs, configuration)?;
            webhook.start(directory).await?;
            let mut launch = webhook.manifests(directory, wiring.cache_ttl)?;
            wiring.version.rewrite(directory, &mut launch.flags)?;
            Ok((Some(webhook), launch))
        }
        FrontEnd::InProcess => {
            let launch = in_process::launch(programs, directory, &configuration, wiring.cache_ttl)?;
            Ok((None, launch))
        }
        FrontEnd::None => {
            let program = programs.kube_apiserver.clone();
            let flags = Vec::new();
            Ok((None, Launch { program, flags }))
        }
    }
}

/// Returns the URL path of `mutatingwebhookconfigurations` or `validatingwebhookconfigurations`.
fn collection(configuration: &Value) -> Result<String> {
    let kind = configuration["kind"]
        .as_str()
        .context("a webhook configuration has no kind")?;
    Ok(format!(
        "/apis/admissionregistration.k8s.io/v1/{}s",
        kind.to_lowercase()
    ))
}

/// Waits until the webhook configurations take effect. The API server watches each kind separately:
/// both are active when it mutates one ConfigMap and rejects another.
async fn until_active(admin: &Caller) -> Result<()> {
    let try_create = async |data| {
        admin
            .sends(Operation::create(configmap("probe", data)).dry_run())
            .await
    };
    let deadline = Instant::now() + MAX_ACTIVATION_TIME;
    loop {
        let mutated = try_create([("key", "value")]).await;
        let rejected = try_create([("not-allowed-value", "")]).await;
        if is_mutated(&mutated) && rejected.is_rejection() {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "the admission webhooks do not take effect within {MAX_ACTIVATION_TIME:?}\n{mutated}\n{rejected}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn is_mutated(reply: &Reply) -> bool {
    reply.is_success() && reply.body["data"]["magic-value"] == "foobar"
}
