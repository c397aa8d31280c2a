//! The flags that name configuration files, and the flags of the engine.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::anyhow;
use capabilities::{Capabilities, ServiceOptions, Services};
use engine::Engine;
use host::config::{Format, Source};
use host::{Configuration, FileModules, Host, LiveError};

use crate::env;
use crate::outcome::{CommandError, Exit, ResultExt};

/// The configuration files. The policies of several files are combined.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct ConfigurationArgs {
    /// Configuration of all planes (`kind: Configuration`)
    #[arg(long, short = 'c', value_name = "FILE")]
    config: Option<PathBuf>,

    /// Authentication modules, in the format of the original project (`modules:`)
    #[arg(long, value_name = "FILE")]
    authentication_wasm_config_file: Option<PathBuf>,

    /// Authorization modules, in the format of the original project (`modules:`)
    #[arg(long, value_name = "FILE")]
    authorization_wasm_config_file: Option<PathBuf>,

    /// Admission modules, in the format of the original project
    /// (an `AdmissionConfiguration` with the plugin `WASM`)
    #[arg(long, value_name = "FILE")]
    admission_control_config_file: Option<PathBuf>,

    /// Policies and policy groups, in the format of Kubewarden's policy-server (`policies.yml`)
    #[arg(long, value_name = "FILE")]
    policies: Option<PathBuf>,
}

/// The options of the engine that are not in the configuration.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Engine")]
pub(crate) struct EngineArgs {
    /// Directory that caches compiled modules, or `off` to compile at each start.
    /// Its contents are executed, so no other user must be able to write to it
    /// [default: $XDG_CACHE_HOME/k8s-wasm/code or ~/.cache/k8s-wasm/code]
    #[arg(long, value_name = "DIR|off")]
    code_cache: Option<CodeCache>,

    /// Kubeconfig of the cluster that Kubewarden policies query; read at the first host call
    /// [default: $KUBECONFIG, ~/.kube/config or the service account of the pod]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

/// The value of `--code-cache`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum CodeCache {
    Off,
    Directory(PathBuf),
}

impl ConfigurationArgs {
    /// Returns true if no file is named.
    pub(crate) fn is_empty(&self) -> bool {
        self.sources().is_empty()
    }

    /// Reads and validates the files.
    pub(crate) fn load(&self) -> Result<Configuration, CommandError> {
        let sources = self.required_sources()?;
        Ok(Configuration::load(&sources).map_err(LiveError::from)?)
    }

    /// Returns the files, or an error if none is named.
    pub(crate) fn required_sources(&self) -> Result<Vec<Source>, CommandError> {
        if self.is_empty() {
            return Err(anyhow!("no configuration given")).with_hint("use `--config FILE`");
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

impl EngineArgs {
    /// Creates the engine and loads every module of the configuration.
    pub(crate) fn load(&self, configuration: &Configuration) -> Result<Host, CommandError> {
        self.load_with(configuration, &Capabilities::live(self.services()))
    }

    /// Creates the engine and loads every module; `capabilities` respond to host calls.
    pub(crate) fn load_with(
        &self,
        configuration: &Configuration,
        capabilities: &Capabilities,
    ) -> Result<Host, CommandError> {
        let options = engine::Options {
            code_cache: self.code_cache(),
            ..configuration.engine.clone()
        };
        let engine = Engine::new(options).with_exit(Exit::Failure)?;
        let host = Host::load_with(configuration, &FileModules, &engine, capabilities);
        Ok(host.map_err(LiveError::from)?)
    }

    /// Creates the services behind host calls. They connect at the first call.
    pub(crate) fn services(&self) -> Services {
        Services::new(ServiceOptions {
            kubeconfig: self.kubeconfig.clone(),
            ..ServiceOptions::default()
        })
    }

    /// Returns the directory of the code cache, if there is one.
    pub(crate) fn code_cache(&self) -> Option<PathBuf> {
        match &self.code_cache {
            Some(CodeCache::Off) => None,
            Some(CodeCache::Directory(directory)) => Some(directory.clone()),
            None => env::cache_directory().map(|caches| caches.join("code")),
        }
    }
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
