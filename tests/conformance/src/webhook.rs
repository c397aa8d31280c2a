//! `k8s-wasm serve` as a program that can be stopped and restarted, and the files of `k8s-wasm
//! manifests` for it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::directory::Directory;
use crate::http::Endpoint;
use crate::kubernetes::Launch;
use crate::ports;
use crate::process::Process;
use crate::programs::Programs;

/// The kubeconfig for queries of policies, below the directory of the cluster.
pub(crate) const KUBECONFIG: &str = "policies.kubeconfig";

/// The time that the server may take to end after SIGTERM: it completes running requests.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

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
    /// Selects the ports, which stay the same when the server is restarted.
    ///
    /// # Errors
    /// If there are no free ports.
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
    /// If it does not start, or is already running.
    pub async fn start(&mut self, directory: &Directory) -> Result<()> {
        ensure!(self.process.is_none(), "k8s-wasm is already running");
        let mut command = Command::new(&self.program);
        command
            .arg("serve")
            .arg("--config")
            .arg(&self.configuration)
            .args(["--dev-certs", "certificates", "--code-cache", "code"])
            // Written after the API server has started; read at the first query of a policy.
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
    /// If it is not running, or does not end.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        let process = self.process.take().context("k8s-wasm is not running")?;
        process.stop(STOP_TIMEOUT).await
    }

    /// Kills it with SIGKILL.
    ///
    /// # Errors
    /// If it is not running.
    pub fn kill(&mut self) -> Result<()> {
        let process = self.process.take().context("k8s-wasm is not running")?;
        drop(process);
        Ok(())
    }

    /// Returns its processor time since it was started.
    ///
    /// # Errors
    /// If it is not running.
    pub fn processor_time(&self) -> Result<Duration> {
        self.process()?.processor_time()
    }

    /// Returns the process.
    ///
    /// # Errors
    /// If it is not running.
    pub fn process(&self) -> Result<&Process> {
        self.process.as_ref().context("k8s-wasm is not running")
    }

    /// Returns the endpoint of the admin port.
    ///
    /// # Errors
    /// Only with a defect of the harness.
    pub fn admin(&self) -> Result<Endpoint> {
        Endpoint::plain(&format!("http://{}", self.admin))
    }

    /// Returns the URL of the webhooks.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.listen)
    }

    /// Writes the files for the kube-apiserver into `manifests/` and returns its command line.
    ///
    /// # Errors
    /// If the command fails.
    pub fn manifests(&self, directory: &Directory, cache_ttl: Option<&str>) -> Result<Launch> {
        let manifests = directory.path().join("manifests");
        let mut command = Command::new(&self.program);
        command
            .current_dir(directory.path())
            .arg("manifests")
            .arg("--config")
            .arg(&self.configuration)
            .args(["--server", &self.url(), "--ca-file", "certificates/ca.crt"])
            .arg("-d")
            .arg(&manifests);
        if let Some(ttl) = cache_ttl {
            command.args(["--cache-ttl", ttl]);
        }
        let output = command
            .output()
            .context("failed to start `k8s-wasm manifests`")?;
        if !output.status.success() {
            bail!(
                "`k8s-wasm manifests` failed\n{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(Launch {
            program: self.apiserver.clone(),
            flags: flags(&read(&manifests.join("kube-apiserver-flags.txt"))?),
        })
    }

    /// Reads the admission webhook configurations from those files.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn configurations(directory: &Directory) -> Result<Vec<Value>> {
        let text = read(&directory.path().join("manifests/admission-webhooks.yaml"))?;
        Ok(serde_saphyr::from_multiple(&text)?)
    }
}

/// Returns the lines that are neither comments nor empty.
fn flags(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| line.starts_with("--"))
        .map(str::to_owned)
        .collect()
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("failed to read `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_the_lines_without_comments() {
        let text = "# Flags --one=a line.\n\n--token=v1\n--ttl=1s\n";
        assert_eq!(flags(text), ["--token=v1", "--ttl=1s"]);
    }
}
