//! `run` with a Kubewarden policy: the flags and the output of `kwctl run`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use access::rules::Rule;
use access::{Failure, FailureKind, admission};
use anyhow::{Context, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use capabilities::{Capabilities, Grants};
use host::config::{self, AdmissionModule, AdmissionPolicy, Policy, Position, Program};
use host::load::{LoadErrorKind, LoadErrors};
use host::{Configuration, FileModules, Host, ModuleSource};
use kubewarden::{ExecutionMode, Metadata, PolicyType, Request, SettingsError, SettingsResponse};
use serde::Serialize;
use wire::admission::{PatchType, Response};

use super::module;
use crate::configuration::EngineArgs;
use crate::outcome::{CommandError, Exit, Outcome, ResultExt};
use crate::runtime;

/// The name under which the policy is loaded.
const NAME: &str = "policy";

/// The flags for Kubewarden policies. Their names are those of `kwctl run`.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Kubewarden policies")]
#[group(skip)]
pub(super) struct KubewardenArgs {
    /// Execution mode of the policy, if neither its metadata nor its exports determine it
    #[arg(long, short, value_enum, requires = "module")]
    execution_mode: Option<ExecutionMode>,

    /// Evaluate the document as a raw request
    #[arg(long, requires = "module")]
    raw: bool,

    /// Allow the policy to read the kinds of Kubernetes objects that its metadata lists
    #[arg(long, requires = "module")]
    allow_context_aware: bool,

    /// Host capabilities that the policy may use
    #[arg(
        long,
        value_name = "PATTERN",
        default_value = "*",
        value_delimiter = ','
    )]
    allowed_host_capabilities: Vec<String>,

    /// File into which host calls and their responses are recorded
    #[arg(
        long,
        value_name = "FILE",
        requires = "module",
        conflicts_with = "replay_host_capabilities_interactions"
    )]
    record_host_capabilities_interactions: Option<PathBuf>,

    /// Recorded file from which host calls are answered, instead of a cluster
    #[arg(long, value_name = "FILE", requires = "module")]
    replay_host_capabilities_interactions: Option<PathBuf>,
}

/// A Kubewarden policy in a file.
pub(super) struct PolicyFile {
    module: PathBuf,
    metadata: Option<Metadata>,
}

impl PolicyFile {
    /// Opens the module if it is a Kubewarden policy, or if a flag requires one.
    pub(super) fn open(module: &Path, args: &KubewardenArgs) -> Result<Option<Self>, CommandError> {
        let bytes = FileModules
            .read(module)
            .with_context(|| format!("failed to read the module `{}`", module.display()))?;
        // A module that cannot be inspected cannot be loaded either, and loading reports a better
        // error.
        let Ok(inspection) = engine::inspect(&bytes) else {
            return Ok(None);
        };
        let detected = kubewarden::is_policy(&inspection);
        if !detected && args.execution_mode.is_none() && !args.raw {
            return Ok(None);
        }
        let metadata = Metadata::from_module(&bytes, &inspection)
            .with_context(|| format!("failed to load `{}`", module.display()))?;
        Ok(Some(Self {
            module: module.to_owned(),
            metadata,
        }))
    }

    /// Returns a configuration with this policy, which may mutate and evaluates every request.
    pub(super) fn to_configuration(
        &self,
        args: &KubewardenArgs,
        settings: Option<Box<wire::RawValue>>,
        timeout: Duration,
    ) -> Result<Configuration, CommandError> {
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
        let granted = resources.filter(|_| args.allow_context_aware);
        let grants = Grants::new(&args.allowed_host_capabilities, granted)?;
        let mut configuration = Configuration::default();
        configuration.admission.push(AdmissionPolicy {
            policy,
            mutating: true,
            rules: vec![Rule::everything()],
            on_failure: admission::OnFailure::Fail,
            mode: access::Mode::Protect,
            program: Program::Module(AdmissionModule {
                path: self.module.clone(),
                protocol: Some(config::Protocol::Kubewarden),
                kubewarden: config::Kubewarden {
                    execution_mode: args.execution_mode,
                    grants: grants.into(),
                    message: None,
                },
            }),
            guarded: config::Guarded::default(),
        });
        Ok(configuration)
    }

    /// Returns true if requests are raw documents.
    pub(super) fn is_raw(&self, args: &KubewardenArgs) -> bool {
        let metadata = self.metadata.as_ref();
        args.raw || metadata.is_some_and(|metadata| metadata.policy_type == PolicyType::Raw)
    }

    /// Reads a request from a file, with or without a review around it.
    pub(super) fn read_request(
        &self,
        args: &KubewardenArgs,
        path: &Path,
    ) -> Result<Request, CommandError> {
        let json = super::review::read_json(path)?;
        let request = if self.is_raw(args) {
            Request::from_raw(&json)
        } else {
            Request::from_file(&json)
        };
        let request =
            request.with_context(|| format!("`{}` does not contain a request", path.display()));
        request.with_hint("use `--raw` if the policy evaluates raw documents")
    }
}

impl KubewardenArgs {
    /// Returns the capabilities that respond to host calls: live, recording or replaying.
    pub(super) fn capabilities(&self, engine: &EngineArgs) -> Result<Capabilities, CommandError> {
        let services = engine.services();
        let record = self.record_host_capabilities_interactions.as_deref();
        let replay = self.replay_host_capabilities_interactions.as_deref();
        Ok(match (record, replay) {
            (Some(file), _) => Capabilities::recording(services, file)
                .with_context(|| format!("failed to record host calls to `{}`", file.display()))?,
            (None, Some(file)) => Capabilities::replaying(file).with_context(|| {
                format!(
                    "failed to read recorded host calls from `{}`",
                    file.display()
                )
            })?,
            (None, None) => Capabilities::live(services),
        })
    }
}

/// Reads settings from a file or from a flag. As with `kwctl`, an empty file contains no settings.
pub(super) fn read_settings(
    file: Option<&Path>,
    json: Option<&str>,
) -> Result<Option<Box<wire::RawValue>>, CommandError> {
    if let Some(file) = file
        && fs::read_to_string(file).is_ok_and(|text| text.trim().is_empty())
    {
        return Ok(None);
    }
    module::read_settings(file, json)
}

/// Loads the policy. If it rejects its settings, its response is written to the output, as by
/// `kwctl`.
pub(super) fn load(
    engine: &EngineArgs,
    configuration: &Configuration,
    capabilities: &Capabilities,
    out: &mut dyn Write,
) -> Result<Host, CommandError> {
    let loaded = engine.load_with(configuration, capabilities);
    if let Err(error) = &loaded
        && let Some(errors) = error.find::<LoadErrors>()
        && let [error] = errors.as_slice()
        && let LoadErrorKind::Settings(error) = &error.kind
        && let Some(message) = settings_message(error)
    {
        let answer = SettingsResponse {
            valid: false,
            message: message.clone(),
        };
        serde_json::to_writer(&mut *out, &answer)?;
        writeln!(out)?;
        return Err(anyhow!("Provided settings are not valid: {message:?}").into());
    }
    loaded
}

/// Returns the reason for which a policy rejects its settings, if there was a response or a failed
/// call.
fn settings_message(error: &SettingsError) -> Option<Option<String>> {
    match error {
        SettingsError::Invalid { message } => Some(message.clone()),
        SettingsError::Failed(failure) => Some(Some(failure.to_string())),
        _ => None,
    }
}

/// Evaluates a request, and writes the response as `kwctl run` does: one line, and success even if
/// the policy rejects the request.
pub(super) async fn evaluate(
    host: &Host,
    request: &Request,
    timeout: Duration,
    out: &mut dyn Write,
) -> Outcome {
    let deadline = runtime::deadline(timeout);
    let response = host.evaluate_kubewarden(NAME, request, deadline).await?;
    let line = match &response {
        Ok(response) => AdmissionResponse::new(response),
        Err(failure) => AdmissionResponse::failed(request.uid(), failure),
    };
    serde_json::to_writer(&mut *out, &line)?;
    writeln!(out)?;
    Ok(Exit::Success)
}

/// Warns if the policy did not make all recorded host calls: the recording is of another policy or
/// request.
pub(super) fn warn_about_unused_recordings(capabilities: &Capabilities) {
    let count = capabilities.leftovers().len();
    if count > 0 {
        tracing::warn!(count, "recorded host calls were not used by the policy");
    }
}

/// Kubewarden's AdmissionResponse, with its order of fields.
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
    fn new(response: &'a Response) -> Self {
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
                let detail = failure.detail.as_deref().unwrap_or_default();
                format!("internal server error: {detail}")
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
