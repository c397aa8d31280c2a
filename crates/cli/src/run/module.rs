//! A configuration for a single module.

use std::fs;
use std::path::Path;
use std::time::Duration;

use access::rules::Rule;
use access::{Mode, PolicyName, admission, authn, authz};
use anyhow::{Context, anyhow};
use host::config::{
    self, AdmissionModule, AdmissionPolicy, Authenticator, Authorizer, Policy, Position, Program,
};
use host::{Configuration, FileModules, ModuleSource};
use wire::review::Kind;
use wire::{EntryPoint, RawValue};

use super::review::to_json;
use crate::outcome::{CommandError, ResultExt};

/// Reads settings from a file or from a flag.
pub(super) fn read_settings(
    file: Option<&Path>,
    json: Option<&str>,
) -> Result<Option<Box<RawValue>>, CommandError> {
    let bytes = match (file, json) {
        (Some(file), _) => {
            let bytes =
                fs::read(file).with_context(|| format!("failed to read `{}`", file.display()))?;
            to_json(bytes)
                .with_context(|| format!("`{}` is neither JSON nor YAML", file.display()))?
        }
        (None, Some(json)) => json.as_bytes().to_vec(),
        (None, None) => return Ok(None),
    };
    let settings = serde_json::from_slice(&bytes).context("invalid JSON in `--settings-json`")?;
    Ok(Some(settings))
}

/// Returns a configuration with one policy, which evaluates every request.
pub(super) fn to_configuration(
    module: &Path,
    kind: Kind,
    entry_point: Option<EntryPoint>,
    settings: Option<Box<RawValue>>,
    timeout: Duration,
) -> Result<Configuration, CommandError> {
    let policy = Policy {
        name: policy_name(module)?,
        settings,
        timeout,
        limits: engine::Limits::default(),
        debug: false,
        position: Position {
            file: "command line".into(),
            line: None,
        },
    };
    let mut configuration = Configuration::default();
    match kind {
        Kind::TokenReview => {
            let system_names = authn::SystemNames::default();
            configuration.authentication.push(Authenticator {
                policy,
                module: module.to_owned(),
                system_names,
                mode: Mode::Protect,
            });
        }
        Kind::SubjectAccessReview => {
            let on_failure = authz::OnFailure::default();
            configuration.authorization.push(Authorizer {
                policy,
                module: module.to_owned(),
                on_failure,
                mode: Mode::Protect,
            });
        }
        Kind::AdmissionReview => {
            let mutating = match entry_point {
                Some(entry_point) => entry_point == EntryPoint::Mutate,
                None => is_mutating(module)?,
            };
            let (rules, on_failure) = (vec![Rule::everything()], admission::OnFailure::default());
            configuration.admission.push(AdmissionPolicy {
                policy,
                mutating,
                rules,
                on_failure,
                mode: Mode::Protect,
                program: Program::Module(AdmissionModule {
                    path: module.to_owned(),
                    ..AdmissionModule::default()
                }),
                guarded: config::Guarded::default(),
            });
        }
    }
    Ok(configuration)
}

/// Returns the name of the file without `.wasm`, or `module` if that is not a valid name.
fn policy_name(module: &Path) -> Result<PolicyName, CommandError> {
    let stem = module
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    Ok(stem.parse().or_else(|_| "module".parse())?)
}

/// Returns true if the module exports `mutate`.
fn is_mutating(module: &Path) -> Result<bool, CommandError> {
    let bytes = FileModules
        .read(module)
        .with_context(|| format!("failed to read the module `{}`", module.display()))?;
    // A module that cannot be inspected cannot be loaded either, and loading reports a better
    // error.
    let inspection = engine::inspect(&bytes);
    let exports = |name| {
        inspection
            .as_ref()
            .is_ok_and(|module| module.export(name).is_some())
    };
    match (exports("mutate"), exports("validate")) {
        (true, true) => Err(anyhow!(
            "`{}` exports both `mutate` and `validate`",
            module.display()
        ))
        .with_hint("use `--entry-point mutate` or `--entry-point validate`"),
        (is_mutating, _) => Ok(is_mutating),
    }
}
