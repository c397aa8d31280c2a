//! `k8s-wasm manifests`: what makes a kube-apiserver ask this server, made from the server's own configuration.

mod admission;
mod admission_control;
mod authorization;
mod durations;
mod file;
mod credentials;
mod rules;
mod seconds;
mod target;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use host::Configuration;

use crate::configuration::ConfigurationArgs;
use crate::exit::Exit;
use crate::outcome::{Failed, OrFailed, Outcome};

use admission::{Grouping, Webhooks};
use admission_control::AdmissionConfiguration;
use authorization::AuthorizationConfiguration;
use durations::CacheTtl;
use file::File;
use credentials::Kubeconfig;
use target::{CaBundle, ClientCertificate, Reach, ServerUrl, Service, Target};

/// Where the files are expected on a control plane when they are printed.
const INSTALLED_IN: &str = "/etc/kubernetes/k8s-wasm";

const AUTHENTICATION_KUBECONFIG: &str = "authentication-webhook.kubeconfig";
const AUTHORIZATION_KUBECONFIG: &str = "authorization-webhook.kubeconfig";
const AUTHORIZATION_CONFIGURATION: &str = "authorization-configuration.yaml";
const ADMISSION_WEBHOOKS: &str = "admission-webhooks.yaml";
const ADMISSION_KUBECONFIG: &str = "admission-webhook.kubeconfig";
const ADMISSION_CONFIGURATION: &str = "admission-configuration.yaml";
const FLAGS: &str = "kube-apiserver-flags.txt";

/// Print the files that make a kube-apiserver ask this server
///
/// From the configuration of the server come: a kubeconfig for the authentication and for the authorization webhook, an
/// AuthorizationConfiguration, the admission webhook configurations, and the flags for kube-apiserver. What the
/// configuration has no policies for is left out.
///
/// The authorization webhook stands between Node and RBAC and is not asked about nodes, the service accounts of
/// kube-system and the control plane's own components; members of system:masters are allowed before anything is asked.
/// The admission webhooks leave out the namespace kube-system and, when a policy is for every resource, leases, events
/// and access reviews.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Example, on a control plane where `k8s-wasm serve` runs beside kube-apiserver:
  k8s-wasm manifests --config policies.yaml --server https://127.0.0.1:8443 \\
    --ca-file /etc/kubernetes/k8s-wasm/ca.crt -d /etc/kubernetes/k8s-wasm
  kubectl apply -f /etc/kubernetes/k8s-wasm/admission-webhooks.yaml

Example, admission only, with the server in the cluster:
  k8s-wasm manifests --config policies.yaml --service k8s-wasm/webhook --ca-file ca.crt | kubectl apply -f -")]
pub(crate) struct Args {
    /// The URL under which kube-apiserver reaches the server, such as https://127.0.0.1:8443
    #[arg(long, value_name = "URL", required_unless_present = "service")]
    server: Option<ServerUrl>,

    /// The Service under which kube-apiserver reaches the server; for admission only.
    /// Together with --server, which is then for authentication and authorization
    #[arg(long, value_name = "NAMESPACE/NAME[:PORT]")]
    service: Option<Service>,

    /// The certificates of the CA that signed the server's certificate, PEM. They are copied into the files
    #[arg(long, value_name = "FILE")]
    ca_file: PathBuf,

    /// The certificate by which kube-apiserver proves who it is, as kube-apiserver finds it
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_cert: Option<PathBuf>,

    /// The key of that certificate, as kube-apiserver finds it
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,

    /// Write the files into this directory, not to standard output
    #[arg(long, short = 'd', value_name = "DIR")]
    directory: Option<PathBuf>,

    /// Where kube-apiserver will find the files
    /// [default: the directory of -d, otherwise /etc/kubernetes/k8s-wasm]
    #[arg(long, value_name = "DIR")]
    installed_in: Option<PathBuf>,

    /// One admission webhook for each policy, with its own rules, timeout and failure policy.
    /// Without it one call asks all policies
    #[arg(long)]
    per_policy: bool,

    /// A namespace in which nothing is admitted by policies, besides kube-system and that of --service. May be repeated
    #[arg(long = "exclude-namespace", value_name = "NAMESPACE")]
    exclude_namespaces: Vec<String>,

    /// How long kube-apiserver remembers answers to tokens and access reviews: a duration such as 10s, or off.
    /// A revoked token or permission lives on for as long
    /// [default: 2m for tokens, 5m for what is allowed, 30s for what is not]
    #[arg(long, value_name = "DURATION|off")]
    cache_ttl: Option<CacheTtl>,

    #[command(flatten)]
    configuration: ConfigurationArgs,
}

/// Runs the command.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    let configuration = args.configuration.load()?;
    let files = files(args, &configuration)?;
    match &args.directory {
        Some(directory) => {
            file::write_to_directory(&files, directory).environment()?;
            for file in &files {
                writeln!(out, "{}", directory.join(file.name).display())?;
            }
        }
        None => file::write_to_stream(&files, out)?,
    }
    Ok(Exit::Yes)
}

fn files(args: &Args, configuration: &Configuration) -> Result<Vec<File>, Failed> {
    let target = args.target()?;
    let mut files = Vec::new();
    let mut flags = Vec::new();
    if !configuration.authentication.is_empty() {
        let url = endpoint(&target, "/authn")?;
        files.push(authentication_kubeconfig(&target, url)?);
        flags.push(flag(
            "authentication-token-webhook-config-file",
            &target.installed(AUTHENTICATION_KUBECONFIG),
        ));
        flags.push(flag("authentication-token-webhook-version", "v1"));
        flags.push(flag(
            "authentication-token-webhook-cache-ttl",
            &args.cache_ttl().token(),
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
            &target.installed(AUTHORIZATION_CONFIGURATION),
        ));
    }
    if let Some(webhooks) = admission_webhooks(args, configuration, &target)? {
        files.push(webhooks);
        if target.client.is_some() {
            files.extend(admission_credentials(&target)?);
            flags.push(flag(
                "admission-control-config-file",
                &target.installed(ADMISSION_CONFIGURATION),
            ));
        }
    }
    if files.is_empty() {
        return Err(anyhow!(
            "the configuration has no policy that could be asked"
        ))
        .hint("an admission policy needs `rules`; `k8s-wasm check` tells more");
    }
    if !flags.is_empty() {
        files.push(File::lines(FLAGS, FLAGS_COMMENT, &flags));
    }
    Ok(files)
}

impl Args {
    fn target(&self) -> Result<Target, Failed> {
        let installed_in = match (&self.installed_in, &self.directory) {
            (Some(directory), _) | (None, Some(directory)) => absolute(directory)?,
            (None, None) => PathBuf::from(INSTALLED_IN),
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
                return Err(anyhow!("neither `--server` nor `--service` was given").into());
            }
        };
        Ok(Target {
            server: self.server.clone(),
            admission,
            ca: CaBundle::read(&self.ca_file)?,
            client,
            installed_in,
        })
    }

    fn cache_ttl(&self) -> CacheTtl {
        self.cache_ttl.unwrap_or_default()
    }
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    Ok(std::path::absolute(path)?)
}

fn endpoint(target: &Target, path: &str) -> Result<String, Failed> {
    let server = target.server.as_ref().ok_or_else(|| {
        anyhow!(
            "kube-apiserver finds no Services for authentication and authorization, it needs a URL"
        )
    });
    Ok(server
        .hint("give `--server URL` as well; admission then goes through the Service")?
        .endpoint(path))
}

fn authentication_kubeconfig(target: &Target, url: String) -> anyhow::Result<File> {
    File::yaml(
        AUTHENTICATION_KUBECONFIG,
        "How kube-apiserver asks who a token belongs to. It sees every token that nobody else accepted.",
    )
    .document(&Kubeconfig::webhook(target, url))
}

fn authorization_kubeconfig(target: &Target, url: String) -> anyhow::Result<File> {
    File::yaml(
        AUTHORIZATION_KUBECONFIG,
        "How kube-apiserver asks what a user may do.",
    )
    .document(&Kubeconfig::webhook(target, url))
}

fn authorization_configuration(
    configuration: &Configuration,
    target: &Target,
    cache: CacheTtl,
) -> anyhow::Result<File> {
    let kubeconfig = target.installed(AUTHORIZATION_KUBECONFIG);
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
        "Who kube-apiserver is to the admission webhooks.",
    )
    .document(&Kubeconfig::credentials(
        target,
        target.admission.host_port(),
    ))?;
    let configuration = AdmissionConfiguration::new(&target.installed(ADMISSION_KUBECONFIG));
    let configuration =
        File::yaml(ADMISSION_CONFIGURATION, CREDENTIALS_COMMENT).document(&configuration)?;
    Ok([kubeconfig, configuration])
}

fn flag(name: &str, value: &str) -> String {
    format!("--{name}={value}")
}

const AUTHORIZATION_COMMENT: &str = "\
Who decides what a user may do, in this order. Takes the place of --authorization-mode.

Members of system:masters are allowed before any of these is asked: no policy sees or restricts them.
The conditions leave nodes, the service accounts of kube-system and the control plane's own components to Node and RBAC.
kube-apiserver reads this file again when it changes.";

const ADMISSION_COMMENT: &str = "\
Which objects are sent to the admission policies: kubectl apply -f admission-webhooks.yaml
To undo: kubectl delete -f admission-webhooks.yaml";

const CREDENTIALS_COMMENT: &str = "\
Makes kube-apiserver show its certificate to the admission webhooks.
When kube-apiserver has such a file already, merge the two: it reads one.";

const FLAGS_COMMENT: &str = "\
Flags for kube-apiserver, one a line. It reads the files that they name when it starts.
--authorization-config takes the place of --authorization-mode: remove that one.";
