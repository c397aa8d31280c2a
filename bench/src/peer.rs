//! Kubewarden's policy-server with the same policies, when the environment names one.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::load::Certificates;
use crate::policies;

/// The program to measure beside ours.
const VARIABLE: &str = "POLICY_SERVER";

/// It compiles its policies before it listens.
const READY_MAX: Duration = Duration::from_secs(120);

/// As many threads as ours has.
const WORKERS: &str = "2";

/// A running policy-server. It ends when this is dropped.
pub struct Peer {
    process: Child,
    pub address: SocketAddr,
}

impl Peer {
    /// Starts the program that the variable `POLICY_SERVER` names, if there is one.
    pub fn from_environment(certificates: &Certificates) -> anyhow::Result<Option<Self>> {
        let Some(program) = std::env::var_os(VARIABLE) else {
            eprintln!("set {VARIABLE} to a policy-server to measure it beside ours");
            return Ok(None);
        };
        let policies = certificates.folder().join("policies.yml");
        std::fs::write(&policies, configuration()?)?;
        let address = free_address()?;
        let process = Command::new(&program)
            .arg("--policies")
            .arg(policies)
            .arg("--cert-file")
            .arg(certificates.certificate())
            .arg("--key-file")
            .arg(certificates.key())
            .args(["--addr", "127.0.0.1", "--workers", WORKERS])
            .args(["--port", &address.port().to_string()])
            .args([
                "--readiness-probe-port",
                &free_address()?.port().to_string(),
            ])
            .args(["--log-level", "error"])
            .arg("--policies-download-dir")
            .arg(certificates.folder().join("downloads"))
            .arg("--sigstore-cache-dir")
            .arg(certificates.folder().join("sigstore"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("{VARIABLE}: `{}` does not start", program.display()))?;
        let mut peer = Self { process, address };
        peer.until_ready()?;
        Ok(Some(peer))
    }

    fn until_ready(&mut self) -> anyhow::Result<()> {
        let begin = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.process.try_wait()? {
                anyhow::bail!("the policy-server ended at once ({status})");
            }
            ensure!(
                begin.elapsed() < READY_MAX,
                "the policy-server does not listen after {READY_MAX:?}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Nothing is to be saved, and it does not listen to SIGTERM.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Its `policies.yml`: the modules, settings and kinds of ours.
fn configuration() -> anyhow::Result<String> {
    let mut text = String::new();
    for policy in policies::WAPC {
        let module = policy.module()?.canonicalize()?;
        writeln!(text, "{}:", policy.name)?;
        writeln!(text, "  module: file://{}", module.display())?;
        writeln!(text, "  allowedToMutate: {}", policy.mutating)?;
        writeln!(text, "  settings: {}", policy.settings)?;
    }
    Ok(text)
}

/// A port that was free a moment ago.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
