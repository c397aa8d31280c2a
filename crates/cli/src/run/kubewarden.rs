//! `run` with a Kubewarden policy: the flags and the answer that scripts around `kwctl run` know.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use access::rules::Rule;
use access::{Failure, FailureKind, admission};
use anyhow::{Context, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use capabilities::{Capabilities, Grants};
use host::config::{self, AdmissionModule, AdmissionPolicy, Policy, Position, Program};
use host::load::{LoadErrorKind, LoadErrors};
use host::{Configuration, FileModules, Host, ModuleSource};
use kubewarden::{ExecutionMode, Metadata, PolicyType, Request, SettingsAnswer, SettingsError};
use serde::Serialize;
use wire::admission::{PatchType, Response};

use super::subject;
use crate::configuration::EngineArgs;
use crate::exit::Exit;
use crate::report::{Failed, OrFailed, Outcome};

/// The name under which the policy is loaded.
const NAME: &str = "policy";

/// What matters only to Kubewarden policies.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Kubewarden policies")]
pub(super) struct Flags {
    /// How the policy is run, when neither its metadata nor its exports say
    #[arg(long, short, value_enum, requires = "module")]
    execution_mode: Option<Mode>,

    /// Take the whole document for the request, whatever it is
    #[arg(long, requires = "module")]
    raw: bool,

    /// Let the policy read the kinds of Kubernetes objects that its metadata lists
    #[arg(long, requires = "module")]
    allow_context_aware: bool,

    /// The host calls that the policy may make
    #[arg(
        long,
        value_name = "PATTERN",
        default_value = "*",
        value_delimiter = ','
    )]
    allowed_host_capabilities: Vec<String>,

    /// Write the policy's host calls and their answers to a file
    #[arg(
        long,
        value_name = "FILE",
        requires = "module",
        conflicts_with = "replay_host_capabilities_interactions"
    )]
    record_host_capabilities_interactions: Option<PathBuf>,

    /// Answer the policy's host calls from such a file
    #[arg(long, value_name = "FILE", requires = "module")]
    replay_host_capabilities_interactions: Option<PathBuf>,
}

/// The execution modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// A waPC guest
    #[value(name = "kubewarden-wapc", alias = "kubewarden")]
    Wapc,
    /// A program that reads stdin and writes stdout
    Wasi,
    /// Rego as for Open Policy Agent
    Opa,
    /// Rego as for Gatekeeper
    Gatekeeper,
}

impl From<Mode> for ExecutionMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Wapc => Self::Wapc,
            Mode::Wasi => Self::Wasi,
            Mode::Opa => Self::Opa,
            Mode::Gatekeeper => Self::Gatekeeper,
        }
    }
}

/// A Kubewarden policy in a file.
pub(super) struct Subject {
    module: PathBuf,
    metadata: Option<Metadata>,
}

impl Subject {
    /// The module, when it is a Kubewarden policy or the flags say so.
    pub(super) fn find(module: &Path, flags: &Flags) -> Result<Option<Self>, Failed> {
        let bytes = FileModules
            .read(module)
            .with_context(|| format!("failed to read the module `{}`", module.display()))?;
        // What cannot be inspected cannot be loaded either, and loading tells better why.
        let Ok(inspection) = engine::inspect(&bytes) else {
            return Ok(None);
        };
        let detected = host::dialect::detect(&inspection) == config::Dialect::Kubewarden;
        if !detected && flags.execution_mode.is_none() && !flags.raw {
            return Ok(None);
        }
        let metadata = Metadata::of(&bytes, &inspection)
            .with_context(|| format!("failed to load `{}`", module.display()))?;
        Ok(Some(Self {
            module: module.to_owned(),
            metadata,
        }))
    }

    /// A configuration with this policy, which may mutate and is asked about everything.
    pub(super) fn configuration(
        &self,
        flags: &Flags,
        settings: Option<Box<wire::RawValue>>,
        timeout: Duration,
    ) -> Result<Configuration, Failed> {
        let policy = Policy {
            name: NAME.parse()?,
            settings,
            timeout,
            limits: engine::Limits::default(),
            debug: false,
            position: Position {
                file: "command line".into(),
                line: None,
            },
        };
        let metadata = self.metadata.iter();
        let resources = metadata.flat_map(|metadata| metadata.context_aware_resources.clone());
        let granted = resources.filter(|_| flags.allow_context_aware);
        let grants = Grants::new(&flags.allowed_host_capabilities, granted)?;
        let mut configuration = Configuration::default();
        configuration.admission.push(AdmissionPolicy {
            policy,
            mutating: true,
            rules: vec![Rule::everything()],
            on_failure: admission::OnFailure::Fail,
            mode: access::Mode::Protect,
            program: Program::Module(AdmissionModule {
                path: self.module.clone(),
                dialect: Some(config::Dialect::Kubewarden),
                kubewarden: config::Kubewarden {
                    execution_mode: flags.execution_mode.map(ExecutionMode::from),
                    grants: grants.into(),
                    message: None,
                },
            }),
            guarded: config::Guarded::default(),
        });
        Ok(configuration)
    }

    /// Whether its requests are any JSON.
    pub(super) fn is_raw(&self, flags: &Flags) -> bool {
        let metadata = self.metadata.as_ref();
        flags.raw || metadata.is_some_and(|metadata| metadata.policy_type == PolicyType::Raw)
    }

    /// The request in the file, which may be without a review around it.
    pub(super) fn request(&self, flags: &Flags, path: &Path) -> Result<Request, Failed> {
        let json = super::review::read_json(path)?;
        let request = if self.is_raw(flags) {
            Request::raw(&json)
        } else {
            Request::of_file(&json)
        };
        let request = request.with_context(|| format!("`{}` holds no request", path.display()));
        request.hint("`--raw` takes any JSON for the request of a policy that is made for that")
    }
}

impl Flags {
    /// What answers the policy's calls.
    pub(super) fn capabilities(&self, engine: &EngineArgs) -> Result<Capabilities, Failed> {
        let services = engine.services();
        let record = self.record_host_capabilities_interactions.as_deref();
        let replay = self.replay_host_capabilities_interactions.as_deref();
        Ok(match (record, replay) {
            (Some(file), _) => Capabilities::recording(services, file)
                .with_context(|| format!("failed to record into `{}`", file.display()))?,
            (None, Some(file)) => Capabilities::replaying(file)
                .with_context(|| format!("failed to replay `{}`", file.display()))?,
            (None, None) => Capabilities::live(services),
        })
    }
}

/// The settings that the command line gives; `null` and an empty file are none.
pub(super) fn settings(
    file: Option<&Path>,
    json: Option<&str>,
) -> Result<Option<Box<wire::RawValue>>, Failed> {
    if let Some(file) = file
        && fs::read_to_string(file).is_ok_and(|text| text.trim().is_empty())
    {
        return Ok(None);
    }
    subject::settings(file, json)
}

/// Loads the policy; what it says of its settings goes to the output, as scripts expect it.
pub(super) fn load(
    engine: &EngineArgs,
    configuration: &Configuration,
    capabilities: &Capabilities,
    out: &mut dyn Write,
) -> Result<Host, Failed> {
    let loaded = engine.load_with(configuration, capabilities);
    if let Err(failed) = &loaded
        && let Some(LoadErrors(errors)) = failed.cause()
        && let [error] = errors.as_slice()
        && let LoadErrorKind::Settings(error) = &error.kind
        && let Some(message) = objection(error)
    {
        let answer = SettingsAnswer {
            valid: false,
            message: message.clone(),
        };
        serde_json::to_writer(&mut *out, &answer)?;
        writeln!(out)?;
        return Err(anyhow!("Provided settings are not valid: {message:?}").into());
    }
    loaded
}

/// What a policy has against its settings; that it could not even read them counts.
fn objection(error: &SettingsError) -> Option<Option<String>> {
    match error {
        SettingsError::Invalid { message } => Some(message.clone()),
        SettingsError::Failed(failure) => Some(Some(failure.to_string())),
        _ => None,
    }
}

/// The answer as `kwctl run` prints it: one line, and success whatever the policy decides.
pub(super) async fn answer(
    host: &Host,
    request: &Request,
    timeout: Duration,
    out: &mut dyn Write,
) -> Outcome {
    let now = Instant::now();
    let deadline = now.checked_add(timeout).unwrap_or(now);
    let response = host.evaluate_kubewarden(NAME, request, deadline).await?;
    let line = match &response {
        Ok(response) => AdmissionResponse::of(response),
        Err(failure) => AdmissionResponse::failed(request.uid(), failure),
    };
    serde_json::to_writer(&mut *out, &line)?;
    writeln!(out)?;
    Ok(Exit::Yes)
}

/// Tells of recorded calls that the policy did not make: it is another policy, or another question.
pub(super) fn warn_of_leftovers(capabilities: &Capabilities) {
    let count = capabilities.leftovers().len();
    if count > 0 {
        tracing::warn!(
            count,
            "the policy did not make all of the calls that were recorded"
        );
    }
}

/// The peer's AdmissionResponse, member by member in its order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AdmissionResponse<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<PatchType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    audit_annotations: Option<&'a std::collections::BTreeMap<String, String>>,
    warnings: Option<&'a [String]>,
}

#[derive(Serialize)]
struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
}

impl<'a> AdmissionResponse<'a> {
    fn of(response: &'a Response) -> Self {
        let status = response.status.as_ref().map(|status| Status {
            message: Some(status.message.clone()).filter(|message| !message.is_empty()),
            code: status.code,
        });
        Self {
            uid: &response.uid,
            allowed: response.allowed,
            patch_type: response.patch_type,
            patch: response.patch.as_ref().map(|patch| STANDARD.encode(patch)),
            status: status.filter(|status| status.message.is_some() || status.code.is_some()),
            audit_annotations: Some(&response.audit_annotations).filter(|map| !map.is_empty()),
            warnings: Some(response.warnings.as_slice()).filter(|list| !list.is_empty()),
        }
    }

    fn failed(uid: &'a str, failure: &Failure) -> Self {
        let message = match failure.kind {
            FailureKind::Deadline => {
                "Policy execution interrupted because it exceeded the allowed execution time"
                    .to_owned()
            }
            FailureKind::Reported => {
                let said = failure.detail.as_deref().unwrap_or_default();
                format!("internal server error: {said}")
            }
            _ => format!("internal server error: {failure}"),
        };
        Self {
            uid,
            allowed: false,
            patch_type: None,
            patch: None,
            status: Some(Status {
                message: Some(message),
                code: Some(500),
            }),
            audit_annotations: None,
            warnings: None,
        }
    }
}
