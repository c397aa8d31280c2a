//! etcd and a kube-apiserver, started as `kubernetes-sigs/controller-runtime` does in its tests.

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
    /// Where its clients find it.
    pub url: String,
    process: Process,
}

impl Etcd {
    /// Starts etcd and waits until it is healthy.
    ///
    /// # Errors
    /// It does not start.
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
            // What is stored here lives for minutes.
            .arg("--unsafe-no-fsync=true");
        let mut process = directory.spawn("etcd", command)?;
        process
            .until_ready(&Endpoint::plain(&url)?, "/health")
            .await?;
        Ok(Self { url, process })
    }

    /// Ends it in good order.
    ///
    /// # Errors
    /// It does not end within `patience`.
    pub async fn stop(self, patience: Duration) -> Result<()> {
        self.process.stop(patience).await.map(drop)
    }
}

/// A kube-apiserver and the flags by which it is told to ask us.
#[derive(Debug, Clone)]
pub struct Plug {
    /// The program.
    pub program: PathBuf,
    /// For the webhooks as `kube-apiserver-flags.txt` has them.
    pub flags: Vec<String>,
}

const NOT_RUNNING: &str = "kube-apiserver does not run";

/// A kube-apiserver, running unless it was killed.
#[derive(Debug)]
pub struct ApiServer {
    /// Where it listens.
    pub url: String,
    /// Whom it trusts to say who a client is, and who vouches for it.
    pub authority: Authority,
    /// The certificate of the authority, PEM.
    pub authority_file: PathBuf,
    program: PathBuf,
    arguments: Vec<OsString>,
    process: Option<Process>,
}

impl ApiServer {
    /// Starts a kube-apiserver and waits until it is ready, its RBAC defaults in place.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(directory: &Directory, etcd: &Etcd, plug: &Plug) -> Result<Self> {
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
        arguments.extend(plug.flags().map(OsString::from));
        let mut server = Self {
            url,
            authority,
            authority_file,
            program: plug.program.clone(),
            arguments,
            process: None,
        };
        server.start_again(directory).await?;
        Ok(server)
    }

    /// Starts it as it was started before, and waits until it is ready.
    ///
    /// # Errors
    /// It does not start, or runs already.
    pub async fn start_again(&mut self, directory: &Directory) -> Result<()> {
        ensure!(self.process.is_none(), "kube-apiserver runs already");
        let mut command = Command::new(&self.program);
        command
            // One that is built with the race detector then ends at the first race, and with it the story.
            .env("GORACE", "halt_on_error=1")
            .args(&self.arguments);
        let mut process = directory.spawn("kube-apiserver", command)?;
        let admin = self.as_user("admin", "system:masters")?;
        process.until_ready(&admin, "/readyz").await?;
        self.process = Some(process);
        Ok(())
    }

    /// Kills it, as `kill -9` does.
    ///
    /// # Errors
    /// It does not run.
    pub fn kill(&mut self) -> Result<()> {
        let process = self.process.take().context(NOT_RUNNING)?;
        drop(process);
        Ok(())
    }

    /// How much processor time it has taken so far.
    ///
    /// # Errors
    /// It does not run any more.
    pub fn processor_time(&self) -> Result<Duration> {
        self.process()?.processor_time()
    }

    /// The program.
    ///
    /// # Errors
    /// It does not run.
    pub fn process(&self) -> Result<&Process> {
        self.process.as_ref().context(NOT_RUNNING)
    }

    /// The server, for the bearer of a token, or for nobody.
    ///
    /// # Errors
    /// None that a correct harness could meet.
    pub fn with(&self, credentials: Credentials) -> Result<Endpoint> {
        Endpoint::tls(&self.url, self.authority.certificate_der(), credentials)
    }

    /// The server, for a user with a client certificate.
    ///
    /// # Errors
    /// The certificate cannot be made.
    pub fn as_user(&self, user: &str, group: &str) -> Result<Endpoint> {
        let identity = self.authority.user(user, group)?;
        self.with(Credentials::Certificate(identity))
    }

    /// Ends it in good order.
    ///
    /// # Errors
    /// It does not end within `patience`.
    pub async fn stop(self, patience: Duration) -> Result<()> {
        let process = self.process.context(NOT_RUNNING)?;
        process.stop(patience).await.map(drop)
    }
}

impl Plug {
    /// Who may do what is said by RBAC alone unless the plug says otherwise.
    fn flags(&self) -> impl Iterator<Item = &str> {
        let says_otherwise = self.flags.iter().any(|flag| {
            flag.starts_with("--authorization-config=") || flag.starts_with("--authorization-mode=")
        });
        let default = (!says_otherwise).then_some("--authorization-mode=RBAC");
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

/// A kube-apiserver insists on being able to issue tokens. No controller makes service accounts here, and pods are stored
/// without one.
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
