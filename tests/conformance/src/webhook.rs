//! `k8s-wasm serve` as a program that can be stopped and started again, and what `k8s-wasm manifests` prints for it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::directory::Directory;
use crate::http::Endpoint;
use crate::kubernetes::Plug;
use crate::ports;
use crate::process::Process;
use crate::programs::Programs;

/// How policies reach the API server, below the cluster's folder.
pub(crate) const KUBECONFIG: &str = "policies.kubeconfig";

/// How long the server may take to end after SIGTERM: it answers what it has begun.
const STOP_MAX: Duration = Duration::from_secs(20);

/// The webhook server, running or not.
#[derive(Debug)]
pub struct Webhook {
    program: PathBuf,
    apiserver: PathBuf,
    configuration: PathBuf,
    listen: SocketAddr,
    admin: SocketAddr,
    process: Option<Process>,
}

impl Webhook {
    /// Chooses the ports; they stay the same when the server is started again.
    ///
    /// # Errors
    /// There are no free ports.
    pub fn new(programs: &Programs, configuration: PathBuf) -> Result<Self> {
        Ok(Self {
            program: programs.k8s_wasm.clone(),
            apiserver: programs.kube_apiserver.clone(),
            configuration,
            listen: ports::free()?,
            admin: ports::free()?,
            process: None,
        })
    }

    /// Starts the server and waits until it is ready.
    ///
    /// # Errors
    /// It does not start, or runs already.
    pub async fn start(&mut self, directory: &Directory) -> Result<()> {
        ensure!(self.process.is_none(), "k8s-wasm runs already");
        let mut command = Command::new(&self.program);
        command
            .arg("serve")
            .arg("--config")
            .arg(&self.configuration)
            .args(["--dev-certs", "certificates", "--code-cache", "code"])
            // Written when there is an API server; read when a policy first asks for something.
            .args(["--kubeconfig", KUBECONFIG])
            .args(["--listen", &self.listen.to_string()])
            .args(["--admin-listen", &self.admin.to_string()]);
        let mut process = directory.spawn("k8s-wasm", command)?;
        process.until_ready(&self.admin()?, "/readyz").await?;
        self.process = Some(process);
        Ok(())
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    /// It does not run, or does not end.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        let process = self.process.take().context("k8s-wasm does not run")?;
        process.stop(STOP_MAX).await
    }

    /// Kills it, as `kill -9` does.
    ///
    /// # Errors
    /// It does not run.
    pub fn kill(&mut self) -> Result<()> {
        let process = self.process.take().context("k8s-wasm does not run")?;
        drop(process);
        Ok(())
    }

    /// How much processor time it has taken since it was started.
    ///
    /// # Errors
    /// It does not run.
    pub fn processor_time(&self) -> Result<Duration> {
        self.process()?.processor_time()
    }

    /// The program.
    ///
    /// # Errors
    /// It does not run.
    pub fn process(&self) -> Result<&Process> {
        self.process.as_ref().context("k8s-wasm does not run")
    }

    /// Its port for people and probes.
    ///
    /// # Errors
    /// None that a correct harness could meet.
    pub fn admin(&self) -> Result<Endpoint> {
        Endpoint::plain(&format!("http://{}", self.admin))
    }

    /// The address of the webhooks.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.listen)
    }

    /// Prints the files for the kube-apiserver into `plug/` and returns its flags.
    ///
    /// # Errors
    /// The command fails.
    pub fn manifests(&self, directory: &Directory, cache_ttl: Option<&str>) -> Result<Plug> {
        let plug = directory.path().join("plug");
        let mut command = Command::new(&self.program);
        command
            .current_dir(directory.path())
            .arg("manifests")
            .arg("--config")
            .arg(&self.configuration)
            .args(["--server", &self.url(), "--ca-file", "certificates/ca.crt"])
            .arg("-d")
            .arg(&plug);
        if let Some(ttl) = cache_ttl {
            command.args(["--cache-ttl", ttl]);
        }
        let output = command
            .output()
            .context("cannot start `k8s-wasm manifests`")?;
        if !output.status.success() {
            bail!(
                "`k8s-wasm manifests` failed\n{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(Plug {
            program: self.apiserver.clone(),
            flags: flags(&read(&plug.join("kube-apiserver-flags.txt"))?),
        })
    }

    /// The admission webhook configurations among those files.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn configurations(directory: &Directory) -> Result<Vec<Value>> {
        let text = read(&directory.path().join("plug/admission-webhooks.yaml"))?;
        Ok(serde_saphyr::from_multiple(&text)?)
    }
}

/// The lines that are neither comments nor empty.
fn flags(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| line.starts_with("--"))
        .map(str::to_owned)
        .collect()
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_the_lines_that_are_no_comments() {
        let text = "# Flags --one=a line.\n\n--token=v1\n--ttl=1s\n";
        assert_eq!(flags(text), ["--token=v1", "--ttl=1s"]);
    }
}
