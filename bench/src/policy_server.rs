//! Kubewarden's policy-server with the same policies, if the environment names its program.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::certificates::{Certificates, certificate_path, key_path};
use crate::policies;

/// The variable that names the program.
const VARIABLE: &str = "POLICY_SERVER";

/// Maximum time until it listens; it compiles its policies first.
const MAX_STARTUP: Duration = Duration::from_secs(120);

/// Number of worker threads, the same as that of our server.
const WORKERS: &str = "2";

/// A running policy-server, which is killed when this is dropped.
pub struct PolicyServer {
    process: Child,
    pub address: SocketAddr,
}

impl PolicyServer {
    /// Starts the program that `POLICY_SERVER` names; `None` if the variable is not set.
    pub fn from_environment(certificates: &Certificates) -> anyhow::Result<Option<Self>> {
        let Some(program) = std::env::var_os(VARIABLE) else {
            eprintln!(
                "set {VARIABLE} to the path of a policy-server to include it in the comparison"
            );
            return Ok(None);
        };
        let folder = certificates.folder();
        let policies = folder.join("policies.yml");
        std::fs::write(&policies, configuration()?)?;
        let address = free_address()?;
        let process = Command::new(&program)
            .arg("--policies")
            .arg(policies)
            .arg("--cert-file")
            .arg(certificate_path(folder))
            .arg("--key-file")
            .arg(key_path(folder))
            .args(["--addr", "127.0.0.1", "--workers", WORKERS])
            .args(["--port", &address.port().to_string()])
            .args([
                "--readiness-probe-port",
                &free_address()?.port().to_string(),
            ])
            .args(["--log-level", "error"])
            .arg("--policies-download-dir")
            .arg(folder.join("downloads"))
            .arg("--sigstore-cache-dir")
            .arg(folder.join("sigstore"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("{VARIABLE}: cannot start `{}`", program.display()))?;
        let mut server = Self { process, address };
        server.wait_until_ready()?;
        Ok(Some(server))
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let begin = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.process.try_wait()? {
                anyhow::bail!("policy-server exited during startup ({status})");
            }
            ensure!(
                begin.elapsed() < MAX_STARTUP,
                "policy-server does not listen after {MAX_STARTUP:?}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for PolicyServer {
    fn drop(&mut self) {
        // It ignores SIGTERM, and it has no state to save.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns its `policies.yml`, with the modules and settings that our server uses.
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

/// Returns an address whose port was free a moment ago.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
