//! The flags that name a configuration, and the ones for the engine that runs it.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::anyhow;
use capabilities::{Capabilities, ServiceOptions, Services};
use engine::Engine;
use host::config::{Format, Source};
use host::{Configuration, FileModules, Host};

use crate::env;
use crate::report::{Failed, OrFailed};

/// Where the policies are configured. What several files say is added up.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct ConfigurationArgs {
    /// The configuration of all planes, `kind: Configuration`
    #[arg(long, short = 'c', value_name = "FILE")]
    config: Option<PathBuf>,

    /// A list of authenticators, `modules:`, as in the original specification
    #[arg(long, value_name = "FILE")]
    authentication_wasm_config_file: Option<PathBuf>,

    /// A list of authorizers, `modules:`, as in the original specification
    #[arg(long, value_name = "FILE")]
    authorization_wasm_config_file: Option<PathBuf>,

    /// An `AdmissionConfiguration` with the plugin `WASM`, as in the original specification
    #[arg(long, value_name = "FILE")]
    admission_control_config_file: Option<PathBuf>,

    /// The `policies.yml` of a Kubewarden policy-server: policies and groups
    #[arg(long, value_name = "FILE")]
    policies: Option<PathBuf>,
}

impl ConfigurationArgs {
    /// Whether none of the flags was given.
    pub(crate) fn is_empty(&self) -> bool {
        self.sources().is_empty()
    }

    /// Reads and checks the files.
    pub(crate) fn load(&self) -> Result<Configuration, Failed> {
        Ok(Configuration::load(&self.given()?)?)
    }

    /// The files, of which there must be one.
    pub(crate) fn given(&self) -> Result<Vec<Source>, Failed> {
        if self.is_empty() {
            return Err(anyhow!("no configuration was given"))
                .hint("name a file with `--config FILE`");
        }
        Ok(self.sources())
    }

    fn sources(&self) -> Vec<Source> {
        let files = [
            (&self.config, Format::Configuration),
            (
                &self.authentication_wasm_config_file,
                Format::Authentication,
            ),
            (&self.authorization_wasm_config_file, Format::Authorization),
            (&self.admission_control_config_file, Format::Admission),
        ];
        let ours = files
            .into_iter()
            .filter_map(|(file, format)| Some(Source::file(format, file.clone()?)));
        let policies = self.policies.clone().map(|file| {
            let store = env::kubewarden_store();
            Source::file(Format::Policies { store }, file)
        });
        ours.chain(policies).collect()
    }
}

/// How the engine is set up, beyond what the configuration says.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Engine")]
pub(crate) struct EngineArgs {
    /// Where compiled code is kept from one start to the next, or `off` to compile each time.
    /// The directory must belong to you alone: what is in it is run
    /// [default: $XDG_CACHE_HOME/k8s-wasm/code or ~/.cache/k8s-wasm/code]
    #[arg(long, value_name = "DIR|off")]
    code_cache: Option<CodeCache>,

    /// How to reach the cluster that Kubewarden policies may ask about
    /// [default: $KUBECONFIG, ~/.kube/config or the pod's service account, once a policy asks]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

impl EngineArgs {
    /// An engine as the configuration wants it, and every module of the configuration loaded into it.
    pub(crate) fn load(&self, configuration: &Configuration) -> Result<Host, Failed> {
        self.load_with(configuration, &Capabilities::live(self.services()))
    }

    /// The same with something else to answer the calls of policies.
    pub(crate) fn load_with(
        &self,
        configuration: &Configuration,
        capabilities: &Capabilities,
    ) -> Result<Host, Failed> {
        let options = configuration.engine_options(self.code_cache());
        let engine = Engine::new(options).environment()?;
        let host = Host::load_with(configuration, &FileModules, &engine, capabilities)?;
        Ok(host)
    }

    /// What policies may ask the world for; connects to nothing before one asks.
    pub(crate) fn services(&self) -> Services {
        Services::new(ServiceOptions {
            kubeconfig: self.kubeconfig.clone(),
            ..ServiceOptions::default()
        })
    }

    /// Where compiled code is kept.
    pub(crate) fn code_cache(&self) -> Option<PathBuf> {
        match &self.code_cache {
            Some(CodeCache::Off) => None,
            Some(CodeCache::Directory(directory)) => Some(directory.clone()),
            None => env::cache_directory().map(|caches| caches.join("code")),
        }
    }
}

/// What `--code-cache` says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum CodeCache {
    Off,
    Directory(PathBuf),
}

impl FromStr for CodeCache {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "off" {
            Self::Off
        } else {
            Self::Directory(text.into())
        })
    }
}
