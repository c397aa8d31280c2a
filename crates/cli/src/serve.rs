//! `k8s-wasm serve`: the webhook server, until it is told to stop.

mod decisions;
mod dev_certs;
mod follow;
mod shutdown;
mod traces;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use capabilities::Capabilities;
use host::live::{LiveOptions, PolicySet};
use host::{FileModules, Live};
use observe::{DecisionLog, Observer, Traces};
use server::http::Drained;
use server::{BindError, CaPath, CertificatePath, Clients, KeyPath, Options, Server, Tls};
use tokio::runtime::Runtime;

use crate::advice;
use crate::configuration::{ConfigurationArgs, EngineArgs};
use crate::exit::Exit;
use crate::logging::LogArgs;
use crate::report::{Failed, OrFailed, Outcome};

/// Serve the policies as webhooks for kube-apiserver
///
/// Every plane that the configuration has policies for is served: POST /authn takes a TokenReview, /authz a
/// SubjectAccessReview, /validate and /mutate an AdmissionReview; /validate/NAME and /mutate/NAME ask one policy.
/// GET /livez, /readyz, /status, /metrics and /decisions are on a port of their own.
///
/// The configuration, modules and certificates are followed: what changes is loaded beside what is served and takes its
/// place. A change that does not load is logged and shown by /status, and what was served before goes on. SIGHUP, or POST
/// /reload on that other port, has everything loaded at once.
///
/// SIGTERM and SIGINT stop it gently: it stops being ready, answers what has begun, and exits with 0. A second signal
/// stops it at once.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Example, for trying things out; `k8s-wasm manifests` then tells kube-apiserver where to ask:
  k8s-wasm serve --config policies.yaml --dev-certs ./certs

Example, with certificates of your own, and for nobody but kube-apiserver:
  k8s-wasm serve --config policies.yaml \\
    --tls-cert-file tls.crt --tls-private-key-file tls.key \\
    --client-ca-file ca.crt --client-allowed-names kube-apiserver")]
pub(crate) struct Args {
    /// Where reviews are taken. Behind a Service: 0.0.0.0:8443
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    listen: SocketAddr,

    /// Where /livez, /readyz, /status, /metrics, /decisions and /reload are answered, in plain HTTP
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    admin_listen: SocketAddr,

    #[command(flatten)]
    configuration: ConfigurationArgs,

    #[command(flatten)]
    tls: TlsArgs,

    #[command(flatten)]
    engine: EngineArgs,

    #[command(flatten)]
    log: LogArgs,

    #[command(flatten)]
    decisions: decisions::Args,

    #[command(flatten)]
    traces: traces::Args,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "TLS")]
#[group(skip)]
struct TlsArgs {
    /// The server's certificate and those of intermediate CAs, PEM. Read again when it changes
    #[arg(long, value_name = "FILE", requires = "tls_private_key_file",
        conflicts_with_all = ["dev_certs", "insecure_plaintext"])]
    tls_cert_file: Option<PathBuf>,

    /// The private key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert_file")]
    tls_private_key_file: Option<PathBuf>,

    /// Only clients with a certificate of these CAs may ask, PEM
    #[arg(long, value_name = "FILE", conflicts_with = "insecure_plaintext")]
    client_ca_file: Option<PathBuf>,

    /// Of those, only clients whose certificate has one of these names (common name or DNS name)
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        requires = "client_ca_file"
    )]
    client_allowed_names: Vec<String>,

    /// For trying things out: use a CA in this directory, made when it is not there, and a new certificate of it
    #[arg(long, value_name = "DIR", conflicts_with = "insecure_plaintext")]
    dev_certs: Option<PathBuf>,

    /// What that certificate is valid for, besides localhost, 127.0.0.1 and ::1
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        requires = "dev_certs"
    )]
    dev_names: Vec<String>,

    /// Serve without TLS, on a loopback address only: behind a proxy of your own, and for tests
    #[arg(long)]
    insecure_plaintext: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    args.log.init()?;
    let tls = args.tls.prepare(out)?;
    let live = Live::open(LiveOptions {
        sources: args.configuration.given()?,
        modules: Box::new(FileModules),
        capabilities: Capabilities::live(args.engine.services()),
        code_cache: args.engine.code_cache(),
        gate: Box::new(preflight::LockOutGuard),
    })?;
    announce(&live.set());
    let options = Options {
        listen: args.listen,
        admin: args.admin_listen,
        ..Options::new(tls)
    };
    let runtime = Runtime::new()
        .context("failed to start the threads")
        .environment()?;
    let told = Told {
        log: args.decisions.open()?,
        traces: args.traces.open()?,
    };
    let drained = runtime.block_on(serve(options, live, told))?;
    // Whatever still runs after the drain timeout is cut.
    runtime.shutdown_background();
    Ok(match drained {
        Drained::Completely => Exit::Yes,
        Drained::Aborted { .. } => Exit::Failed,
    })
}

/// Where decisions are told, besides what every server does.
struct Told {
    log: Option<DecisionLog>,
    traces: Option<Traces>,
}

async fn serve(options: Options, live: Live, told: Told) -> Result<Drained, Failed> {
    let shutdown = shutdown::requested()
        .context("failed to listen for signals")
        .environment()?;
    let hangups = follow::hangups()
        .context("failed to listen for signals")
        .environment()?;
    let host = live.current();
    let observer = Observer::new(&host, told.log).with_traces(told.traces);
    let observer = Arc::new(observer);
    let server = match Server::bind(options, host, Arc::clone(&observer)).await {
        refused @ Err(BindError::Listen { .. }) => refused.environment()?,
        bound => bound?,
    };
    let follow = follow::changes(Arc::new(live), server.handle(), hangups);
    // Cancelling it is safe: what is being loaded is not in place yet.
    let drained = tokio::select! {
        drained = server.run(shutdown) => drained,
        never = follow => match never {},
    };
    observer.finish();
    Ok(drained)
}

/// What is served, policy by policy, and what is hardly meant.
fn announce(set: &PolicySet) {
    host::log::loaded(&set.host);
    for advice in advice::of(&set.configuration, &set.host) {
        tracing::warn!(policy = %advice.policy, "{}", advice.text);
    }
}

impl TlsArgs {
    /// The TLS that the server shall speak; makes development certificates when they are asked for.
    fn prepare(&self, out: &mut dyn Write) -> Result<Tls, Failed> {
        let clients = match &self.client_ca_file {
            Some(file) => Clients::Verified {
                ca: CaPath(file.clone()),
                allowed_names: self.client_allowed_names.clone(),
            },
            None => Clients::Anyone,
        };
        if let Some(directory) = &self.dev_certs {
            let made = dev_certs::prepare(directory, &self.dev_names)?;
            writeln!(
                out,
                "development certificates are in {}",
                directory.display()
            )?;
            writeln!(out, "  clients trust the server by {}", made.ca.display())?;
            out.flush()?;
            return Ok(Tls::Files {
                certificate: CertificatePath(made.certificate),
                key: KeyPath(made.key),
                clients,
            });
        }
        match (&self.tls_cert_file, &self.tls_private_key_file) {
            (Some(certificate), Some(key)) => Ok(Tls::Files {
                certificate: CertificatePath(certificate.clone()),
                key: KeyPath(key.clone()),
                clients,
            }),
            _ if self.insecure_plaintext => Ok(Tls::Plaintext),
            _ => Err(anyhow!("the server has no certificate")).hint(
                "give `--tls-cert-file` and `--tls-private-key-file`, or `--dev-certs DIR` for trying things out",
            ),
        }
    }
}
