//! `k8s-wasm serve`: the webhook server.

mod dev_certs;
mod lifecycle;
mod telemetry;

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

use crate::configuration::{ConfigurationArgs, EngineArgs};
use crate::logging::LogArgs;
use crate::outcome::{CommandError, Exit, Outcome, ResultExt};
use crate::warnings;

/// Serve policies as webhooks for kube-apiserver
///
/// Serves every plane that has policies: POST /authn accepts a TokenReview, /authz a
/// SubjectAccessReview, /validate and /mutate an AdmissionReview. /validate/NAME and /mutate/NAME
/// evaluate a single policy. GET /livez, /readyz, /status, /metrics and /decisions are served on
/// the admin port.
///
/// The server detects changes of the configuration, modules and certificates and loads them without
/// a restart. If a change fails to load, it logs the error, reports it at /status and keeps serving
/// the previous policies. SIGHUP, or POST /reload on the admin port, forces a reload.
///
/// On SIGTERM or SIGINT the server becomes unready, finishes the requests in progress and exits
/// with 0. A second signal stops it immediately.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  # Serve with development certificates; `k8s-wasm manifests` configures kube-apiserver
  k8s-wasm serve --config policies.yaml --dev-certs ./certs

  # Serve with your own certificates, and accept requests from kube-apiserver only
  k8s-wasm serve --config policies.yaml \\
    --tls-cert-file tls.crt --tls-private-key-file tls.key \\
    --client-ca-file ca.crt --client-allowed-names kube-apiserver")]
pub(crate) struct Args {
    /// Address for reviews; use 0.0.0.0:8443 behind a Service
    #[arg(long, value_name = "ADDRESS", default_value_t = server::DEFAULT_LISTEN)]
    listen: SocketAddr,

    /// Address for /livez, /readyz, /status, /metrics, /decisions and /reload, over plain HTTP
    #[arg(long, value_name = "ADDRESS", default_value_t = server::DEFAULT_ADMIN_LISTEN)]
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
    decision_log: telemetry::DecisionLogArgs,

    #[command(flatten)]
    traces: telemetry::TraceArgs,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "TLS")]
#[group(skip)]
struct TlsArgs {
    /// Certificate of the server, followed by intermediate certificates (PEM); reloaded when it
    /// changes
    #[arg(long, value_name = "FILE", requires = "tls_private_key_file",
        conflicts_with_all = ["dev_certs", "insecure_plaintext"])]
    tls_cert_file: Option<PathBuf>,

    /// Private key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert_file")]
    tls_private_key_file: Option<PathBuf>,

    /// CA certificates (PEM); clients must present a certificate that one of them signed
    #[arg(long, value_name = "FILE", conflicts_with = "insecure_plaintext")]
    client_ca_file: Option<PathBuf>,

    /// Names (common name or DNS name) of which the client certificate must have one
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        requires = "client_ca_file"
    )]
    client_allowed_names: Vec<String>,

    /// Directory of a development CA, created if it does not exist; the server uses a new
    /// certificate that this CA signs. Not for production
    #[arg(long, value_name = "DIR", conflicts_with = "insecure_plaintext")]
    dev_certs: Option<PathBuf>,

    /// Additional names of the development certificate, which is always valid for localhost,
    /// 127.0.0.1 and ::1
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        requires = "dev_certs"
    )]
    dev_cert_names: Vec<String>,

    /// Serve without TLS; on loopback addresses only, for tests or behind a proxy
    #[arg(long)]
    insecure_plaintext: bool,
}

/// The optional destinations of decisions.
struct Telemetry {
    decision_log: Option<DecisionLog>,
    traces: Option<Traces>,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    args.log.init()?;
    let tls = args.tls.prepare(out)?;
    let live = Live::open(LiveOptions {
        gate: Box::new(preflight::LockOutGuard),
        sources: args.configuration.required_sources()?,
        modules: Box::new(FileModules),
        capabilities: Capabilities::live(args.engine.services()),
        code_cache: args.engine.code_cache(),
    })?;
    log_policies(&live.set());
    let options = Options {
        listen: args.listen,
        admin: args.admin_listen,
        ..Options::new(tls)
    };
    let runtime = Runtime::new()
        .context("failed to start the runtime")
        .with_exit(Exit::Failure)?;
    let telemetry = Telemetry {
        decision_log: args.decision_log.open()?,
        traces: args.traces.open()?,
    };
    let drained = runtime.block_on(serve(options, live, telemetry))?;
    // Tasks that still run after the drain timeout are cancelled.
    runtime.shutdown_background();
    Ok(match drained {
        Drained::Completely => Exit::Success,
        Drained::Aborted { .. } => Exit::Failure,
    })
}

async fn serve(
    options: Options,
    live: Live,
    telemetry: Telemetry,
) -> Result<Drained, CommandError> {
    let signals = "failed to install signal handlers";
    let shutdown = lifecycle::shutdown_requested()
        .context(signals)
        .with_exit(Exit::Failure)?;
    let hangups = lifecycle::hangups()
        .context(signals)
        .with_exit(Exit::Failure)?;
    let host = live.current();
    let observer = Observer::new(&host, telemetry.decision_log).with_traces(telemetry.traces);
    let observer = Arc::new(observer);
    let server = match Server::bind(options, host, Arc::clone(&observer)).await {
        failed @ Err(BindError::Listen { .. }) => failed.with_exit(Exit::Failure)?,
        bound => bound?,
    };
    let reloads = lifecycle::reload_on_change(Arc::new(live), server.handle(), hangups);
    // Safe to cancel: policies take effect only when they are loaded completely.
    let drained = tokio::select! {
        drained = server.run(shutdown) => drained,
        never = reloads => match never {},
    };
    observer.finish();
    Ok(drained)
}

/// Logs the policies that are served, and the warnings about their configuration.
fn log_policies(set: &PolicySet) {
    observe::log_policies(&set.host);
    for warning in warnings::find(&set.configuration, &set.host) {
        tracing::warn!(policy = %warning.policy, "{}", warning.text);
    }
}

impl TlsArgs {
    /// Returns the TLS options of the server. Creates development certificates if requested.
    fn prepare(&self, out: &mut dyn Write) -> Result<Tls, CommandError> {
        let clients = match &self.client_ca_file {
            Some(file) => Clients::Verified {
                ca: CaPath(file.clone()),
                allowed_names: self.client_allowed_names.clone(),
            },
            None => Clients::Anyone,
        };
        if let Some(directory) = &self.dev_certs {
            let files = dev_certs::prepare(directory, &self.dev_cert_names)?;
            writeln!(out, "development certificates: {}", directory.display())?;
            writeln!(out, "  CA certificate for clients: {}", files.ca.display())?;
            out.flush()?;
            return Ok(Tls::Files {
                certificate: CertificatePath(files.certificate),
                key: KeyPath(files.key),
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
            _ => Err(anyhow!("no server certificate given")).with_hint(
                "use `--tls-cert-file` and `--tls-private-key-file`, or `--dev-certs DIR` for tests",
            ),
        }
    }
}
