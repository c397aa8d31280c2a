//! `k8s-wasm manifests`: the files that connect kube-apiserver to the server.

mod admission;
mod authorization;
mod credentials;
mod durations;
mod file;
mod rules;
mod target;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use host::Configuration;

use crate::configuration::ConfigurationArgs;
use crate::outcome::{CommandError, Exit, Outcome, ResultExt};

use admission::{Grouping, Webhooks};
use authorization::AuthorizationConfiguration;
use credentials::{AdmissionConfiguration, Kubeconfig};
use durations::CacheTtl;
use file::File;
use target::{CaBundle, ClientCertificate, Reach, ServerUrl, Service, Target};

/// Default of `--install-dir` if the files are printed.
const DEFAULT_INSTALL_DIR: &str = "/etc/kubernetes/k8s-wasm";

const AUTHENTICATION_KUBECONFIG: &str = "authentication-webhook.kubeconfig";
const AUTHORIZATION_KUBECONFIG: &str = "authorization-webhook.kubeconfig";
const AUTHORIZATION_CONFIGURATION: &str = "authorization-configuration.yaml";
const ADMISSION_WEBHOOKS: &str = "admission-webhooks.yaml";
const ADMISSION_KUBECONFIG: &str = "admission-webhook.kubeconfig";
const ADMISSION_CONFIGURATION: &str = "admission-configuration.yaml";
const FLAGS: &str = "kube-apiserver-flags.txt";

const AUTHORIZATION_COMMENT: &str = "\
The authorizers of kube-apiserver, in order. Replaces --authorization-mode.

Members of system:masters are always allowed: their requests are not sent to any of these authorizers.
The match conditions leave nodes, service accounts in kube-system and control plane components to Node and RBAC.
kube-apiserver reloads this file when it changes.";

const ADMISSION_COMMENT: &str = "\
Admission webhooks. To install: kubectl apply -f admission-webhooks.yaml
To remove: kubectl delete -f admission-webhooks.yaml";

const CREDENTIALS_COMMENT: &str = "\
Makes kube-apiserver present its client certificate to the admission webhooks.
kube-apiserver reads a single file of this kind: merge it with an existing one.";

const FLAGS_COMMENT: &str = "\
Flags of kube-apiserver, one per line. It reads the files that they name at start.
--authorization-config replaces --authorization-mode: remove the latter.";

/// Generate the files that connect kube-apiserver to the server
///
/// Generates kubeconfigs for the authentication and authorization webhooks, an
/// AuthorizationConfiguration, the admission webhook configurations, and the flags of
/// kube-apiserver. Planes without policies are omitted.
///
/// The authorization webhook is placed between Node and RBAC. It does not receive requests of
/// nodes, of service accounts in kube-system and of control plane components; members of
/// system:masters are always allowed. The admission webhooks exclude the namespace kube-system. If
/// a rule matches all resources, they also exclude leases, events and access reviews.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  # Connect kube-apiserver to a server on the same control plane node
  k8s-wasm manifests --config policies.yaml --server https://127.0.0.1:8443 \\
    --ca-file /etc/kubernetes/k8s-wasm/ca.crt -d /etc/kubernetes/k8s-wasm
  kubectl apply -f /etc/kubernetes/k8s-wasm/admission-webhooks.yaml

  # Connect admission only to a server in the cluster
  k8s-wasm manifests --config policies.yaml --service k8s-wasm/webhook --ca-file ca.crt | kubectl apply -f -")]
pub(crate) struct Args {
    /// URL of the server for kube-apiserver, such as https://127.0.0.1:8443
    #[arg(long, value_name = "URL", required_unless_present = "service")]
    server: Option<ServerUrl>,

    /// Service of the server, for admission webhooks only. Authentication and authorization require
    /// --server
    #[arg(long, value_name = "NAMESPACE/NAME[:PORT]")]
    service: Option<Service>,

    /// Certificates of the CA that signed the server certificate (PEM); included in the generated
    /// files
    #[arg(long, value_name = "FILE")]
    ca_file: PathBuf,

    /// Client certificate of kube-apiserver, as a path on its host
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_cert: Option<PathBuf>,

    /// Private key of the client certificate, as a path on the host of kube-apiserver
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,

    /// Directory to write the files to, instead of standard output
    #[arg(long, short = 'd', value_name = "DIR")]
    directory: Option<PathBuf>,

    /// Directory of the files on the host of kube-apiserver
    /// [default: the value of --directory, or /etc/kubernetes/k8s-wasm]
    #[arg(long, value_name = "DIR")]
    install_dir: Option<PathBuf>,

    /// Generate an admission webhook for each policy, with its own rules, timeout and failure
    /// policy, instead of one webhook for all policies
    #[arg(long)]
    per_policy: bool,

    /// Additional namespace to exclude from admission; kube-system and the namespace of --service
    /// are always excluded. Can be repeated
    #[arg(long = "exclude-namespace", value_name = "NAMESPACE")]
    exclude_namespaces: Vec<String>,

    /// Duration for which kube-apiserver caches responses to token and access reviews, such as 10s,
    /// or `off`. Revoked tokens and permissions remain valid for that long [default: 2m for tokens,
    /// 5m for allowed and 30s for other requests]
    #[arg(long, value_name = "DURATION|off")]
    cache_ttl: Option<CacheTtl>,

    #[command(flatten)]
    configuration: ConfigurationArgs,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    let configuration = args.configuration.load()?;
    let files = files(args, &configuration)?;
    match &args.directory {
        Some(directory) => {
            file::write_to_directory(&files, directory).with_exit(Exit::Failure)?;
            for file in &files {
                writeln!(out, "{}", directory.join(file.name).display())?;
            }
        }
        None => file::write_to_stream(&files, out)?,
    }
    Ok(Exit::Success)
}

fn files(args: &Args, configuration: &Configuration) -> Result<Vec<File>, CommandError> {
    let target = args.target()?;
    let mut files = Vec::new();
    let mut flags = Vec::new();
    if !configuration.authentication.is_empty() {
        let url = endpoint(&target, "/authn")?;
        files.push(authentication_kubeconfig(&target, url)?);
        flags.push(flag(
            "authentication-token-webhook-config-file",
            &target.install_path(AUTHENTICATION_KUBECONFIG),
        ));
        flags.push(flag("authentication-token-webhook-version", "v1"));
        flags.push(flag(
            "authentication-token-webhook-cache-ttl",
            &args.cache_ttl().for_tokens(),
        ));
    }
    if !configuration.authorization.is_empty() {
        let url = endpoint(&target, "/authz")?;
        files.push(authorization_kubeconfig(&target, url)?);
        files.push(authorization_configuration(
            configuration,
            &target,
            args.cache_ttl(),
        )?);
        flags.push(flag(
            "authorization-config",
            &target.install_path(AUTHORIZATION_CONFIGURATION),
        ));
    }
    if let Some(webhooks) = admission_webhooks(args, configuration, &target)? {
        files.push(webhooks);
        if target.client.is_some() {
            files.extend(admission_credentials(&target)?);
            flags.push(flag(
                "admission-control-config-file",
                &target.install_path(ADMISSION_CONFIGURATION),
            ));
        }
    }
    if files.is_empty() {
        return Err(anyhow!("the configuration has no policies to connect"))
            .with_hint("admission policies require `rules`; see `k8s-wasm check`");
    }
    if !flags.is_empty() {
        files.push(File::lines(FLAGS, FLAGS_COMMENT, &flags));
    }
    Ok(files)
}

impl Args {
    fn target(&self) -> Result<Target, CommandError> {
        let install_dir = match (&self.install_dir, &self.directory) {
            (Some(directory), _) | (None, Some(directory)) => absolute(directory)?,
            (None, None) => PathBuf::from(DEFAULT_INSTALL_DIR),
        };
        let client = match (&self.client_cert, &self.client_key) {
            (Some(certificate), Some(key)) => Some(ClientCertificate {
                certificate: absolute(certificate)?,
                key: absolute(key)?,
            }),
            _ => None,
        };
        let admission = match (&self.service, &self.server) {
            (Some(service), _) => Reach::Service(service.clone()),
            (None, Some(server)) => Reach::Url(server.clone()),
            (None, None) => {
                return Err(anyhow!("neither `--server` nor `--service` given").into());
            }
        };
        Ok(Target {
            server: self.server.clone(),
            admission,
            ca: CaBundle::read(&self.ca_file)?,
            client,
            install_dir,
        })
    }

    fn cache_ttl(&self) -> CacheTtl {
        self.cache_ttl.unwrap_or_default()
    }
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    Ok(std::path::absolute(path)?)
}

fn endpoint(target: &Target, path: &str) -> Result<String, CommandError> {
    let server = target.server.as_ref().ok_or_else(|| {
        anyhow!(
            "authentication and authorization webhooks require a URL; kube-apiserver does not resolve Services for them"
        )
    });
    Ok(server
        .with_hint("add `--server URL`; admission still uses the Service")?
        .endpoint(path))
}

fn authentication_kubeconfig(target: &Target, url: String) -> anyhow::Result<File> {
    File::yaml(
        AUTHENTICATION_KUBECONFIG,
        "Authentication webhook of kube-apiserver. It receives every token that no other authenticator accepts.",
    )
    .document(&Kubeconfig::webhook(target, url))
}

fn authorization_kubeconfig(target: &Target, url: String) -> anyhow::Result<File> {
    File::yaml(
        AUTHORIZATION_KUBECONFIG,
        "Authorization webhook of kube-apiserver.",
    )
    .document(&Kubeconfig::webhook(target, url))
}

fn authorization_configuration(
    configuration: &Configuration,
    target: &Target,
    cache: CacheTtl,
) -> anyhow::Result<File> {
    let kubeconfig = target.install_path(AUTHORIZATION_KUBECONFIG);
    File::yaml(AUTHORIZATION_CONFIGURATION, AUTHORIZATION_COMMENT).document(
        &AuthorizationConfiguration::new(configuration, kubeconfig, cache),
    )
}

fn admission_webhooks(
    args: &Args,
    configuration: &Configuration,
    target: &Target,
) -> anyhow::Result<Option<File>> {
    let webhooks = Webhooks {
        configuration,
        target,
        grouping: if args.per_policy {
            Grouping::PerPolicy
        } else {
            Grouping::Together
        },
        excluded_namespaces: &args.exclude_namespaces,
    };
    let configurations = webhooks.configurations();
    if configurations.is_empty() {
        return Ok(None);
    }
    let file = File::yaml(ADMISSION_WEBHOOKS, ADMISSION_COMMENT);
    configurations
        .iter()
        .try_fold(file, File::document)
        .map(Some)
}

fn admission_credentials(target: &Target) -> anyhow::Result<[File; 2]> {
    let kubeconfig = File::yaml(
        ADMISSION_KUBECONFIG,
        "Credentials of kube-apiserver for the admission webhooks.",
    )
    .document(&Kubeconfig::credentials(
        target,
        target.admission.host_port(),
    ))?;
    let configuration = AdmissionConfiguration::new(&target.install_path(ADMISSION_KUBECONFIG));
    let configuration =
        File::yaml(ADMISSION_CONFIGURATION, CREDENTIALS_COMMENT).document(&configuration)?;
    Ok([kubeconfig, configuration])
}

fn flag(name: &str, value: &str) -> String {
    format!("--{name}={value}")
}
