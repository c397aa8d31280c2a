//! etcd and a kube-apiserver, started like in the tests of `kubernetes-sigs/controller-runtime`.

use std::ffi::OsString;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::certificates::{Authority, SigningKey};
use crate::directory::Directory;
use crate::http::{Credentials, Endpoint};
use crate::ports;
use crate::process::Process;
use crate::programs::Programs;

/// A running etcd.
#[derive(Debug)]
pub struct Etcd {
    /// The URL for clients.
    pub url: String,
    process: Process,
}

impl Etcd {
    /// Starts etcd and waits until it is healthy.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start(programs: &Programs, directory: &Directory) -> Result<Self> {
        let url = format!("http://{}", ports::free()?);
        let peers = format!("http://{}", ports::free()?);
        let mut command = Command::new(&programs.etcd);
        command
            .arg(flag("listen-client-urls", &url))
            .arg(flag("advertise-client-urls", &url))
            .arg(flag("listen-peer-urls", &peers))
            .arg(flag("initial-advertise-peer-urls", &peers))
            .arg(flag("initial-cluster", format_args!("default={peers}")))
            .arg(flag("data-dir", directory.path().join("etcd").display()))
            // The data is only needed for minutes.
            .arg("--unsafe-no-fsync=true");
        let mut process = directory.spawn("etcd", command)?;
        process
            .until_ready(&Endpoint::plain(&url)?, "/health")
            .await?;
        Ok(Self { url, process })
    }

    /// Shuts it down.
    ///
    /// # Errors
    /// If it does not shut down within `timeout`.
    pub async fn stop(self, timeout: Duration) -> Result<()> {
        self.process.stop(timeout).await.map(drop)
    }
}

/// The command line of a kube-apiserver.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// The flags that configure the policies; for the webhooks those of `kube-apiserver-flags.txt`.
    pub flags: Vec<String>,
}

const NOT_RUNNING: &str = "kube-apiserver is not running";

/// A kube-apiserver, running unless it was killed.
#[derive(Debug)]
pub struct ApiServer {
    /// The URL for clients.
    pub url: String,
    /// The authority for its certificate and for client certificates.
    pub authority: Authority,
    /// The certificate of the authority, PEM.
    pub authority_file: PathBuf,
    program: PathBuf,
    arguments: Vec<OsString>,
    process: Option<Process>,
}

impl ApiServer {
    /// Starts a kube-apiserver and waits until it is ready, including its default RBAC roles.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start(directory: &Directory, etcd: &Etcd, launch: &Launch) -> Result<Self> {
        let authority = Authority::new()?;
        let authority_file = directory.write("kube/ca.crt", authority.certificate())?;
        let address = ports::free()?;
        let url = format!("https://{address}");
        let mut arguments = vec![
            flag("etcd-servers", &etcd.url),
            flag("bind-address", address.ip()),
            flag("secure-port", address.port()),
            file("client-ca-file", &authority_file),
            "--service-cluster-ip-range=10.0.0.0/24".into(),
        ];
        arguments.extend(serving_flags(directory, &authority)?);
        arguments.extend(service_account_flags(directory, &url)?);
        arguments.extend(launch.flags().map(OsString::from));
        let mut server = Self {
            url,
            authority,
            authority_file,
            program: launch.program.clone(),
            arguments,
            process: None,
        };
        server.restart(directory).await?;
        Ok(server)
    }

    /// Starts it again with the same flags, and waits until it is ready.
    ///
    /// # Errors
    /// If it does not start, or is already running.
    pub async fn restart(&mut self, directory: &Directory) -> Result<()> {
        ensure!(self.process.is_none(), "kube-apiserver is already running");
        let mut command = Command::new(&self.program);
        command
            // A build with the race detector exits at the first race, so that the story fails.
            .env("GORACE", "halt_on_error=1")
            .args(&self.arguments);
        let mut process = directory.spawn("kube-apiserver", command)?;
        let admin = self.as_user("admin", "system:masters")?;
        process.until_ready(&admin, "/readyz").await?;
        self.process = Some(process);
        Ok(())
    }

    /// Kills it with SIGKILL.
    ///
    /// # Errors
    /// If it is not running.
    pub fn kill(&mut self) -> Result<()> {
        let process = self.process.take().context(NOT_RUNNING)?;
        drop(process);
        Ok(())
    }

    /// Returns its processor time so far.
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
        self.process.as_ref().context(NOT_RUNNING)
    }

    /// Returns the endpoint with credentials.
    ///
    /// # Errors
    /// Only with a defect of the harness.
    pub fn with(&self, credentials: Credentials) -> Result<Endpoint> {
        Endpoint::tls(&self.url, self.authority.certificate_der(), credentials)
    }

    /// Returns the endpoint for a user with a client certificate.
    ///
    /// # Errors
    /// If the certificate cannot be issued.
    pub fn as_user(&self, user: &str, group: &str) -> Result<Endpoint> {
        let identity = self.authority.user(user, group)?;
        self.with(Credentials::Certificate(identity))
    }

    /// Shuts it down.
    ///
    /// # Errors
    /// If it does not shut down within `timeout`.
    pub async fn stop(self, timeout: Duration) -> Result<()> {
        let process = self.process.context(NOT_RUNNING)?;
        process.stop(timeout).await.map(drop)
    }
}

impl Launch {
    /// Returns the flags, with RBAC as the only authorization mode unless they configure others.
    fn flags(&self) -> impl Iterator<Item = &str> {
        let configures_modes = self.flags.iter().any(|flag| {
            flag.starts_with("--authorization-config=") || flag.starts_with("--authorization-mode=")
        });
        let default = (!configures_modes).then_some("--authorization-mode=RBAC");
        self.flags.iter().map(String::as_str).chain(default)
    }
}

fn serving_flags(directory: &Directory, authority: &Authority) -> Result<[OsString; 2]> {
    let identity = authority.server()?;
    let certificate = directory.write("kube/server.crt", identity.certificate)?;
    let key = directory.write("kube/server.key", identity.key)?;
    Ok([
        file("tls-cert-file", &certificate),
        file("tls-private-key-file", &key),
    ])
}

/// Returns the flags for service accounts. A kube-apiserver requires a key to issue tokens. No
/// controller creates service accounts here, so pods are stored without one.
fn service_account_flags(directory: &Directory, issuer: &str) -> Result<[OsString; 5]> {
    let key = SigningKey::new()?;
    let private = directory.write("kube/service-accounts.key", key.private)?;
    let public = directory.write("kube/service-accounts.pub", key.public)?;
    Ok([
        flag("service-account-issuer", issuer),
        file("service-account-signing-key-file", &private),
        file("service-account-key-file", &public),
        "--disable-admission-plugins=ServiceAccount".into(),
        "--allow-privileged=true".into(),
    ])
}

fn flag(name: &str, value: impl Display) -> OsString {
    format!("--{name}={value}").into()
}

fn file(name: &str, path: &Path) -> OsString {
    flag(name, path.display())
}
