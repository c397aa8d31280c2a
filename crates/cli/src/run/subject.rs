//! A module without a configuration: the one policy it makes.

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
use wire::RawValue;
use wire::review::Kind;

use super::EntryPoint;
use super::review::to_json;
use crate::report::{Failed, OrFailed};

/// The settings that the command line gives, as JSON.
pub(super) fn settings(
    file: Option<&Path>,
    json: Option<&str>,
) -> Result<Option<Box<RawValue>>, Failed> {
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
    let settings = serde_json::from_slice(&bytes).context("`--settings-json` is no JSON")?;
    Ok(Some(settings))
}

/// A configuration with one policy, which is asked about everything.
pub(super) fn of_module(
    module: &Path,
    kind: Kind,
    entry_point: Option<EntryPoint>,
    settings: Option<Box<RawValue>>,
    timeout: Duration,
) -> Result<Configuration, Failed> {
    let policy = Policy {
        name: name(module)?,
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
                None => mutates(module)?,
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

/// The file's name without `.wasm`, as far as that is a name.
fn name(module: &Path) -> Result<PolicyName, Failed> {
    let stem = module
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    Ok(stem.parse().or_else(|_| "module".parse())?)
}

/// Whether an AdmissionReview is for the module's `mutate`.
fn mutates(module: &Path) -> Result<bool, Failed> {
    let bytes = FileModules
        .read(module)
        .with_context(|| format!("failed to read the module `{}`", module.display()))?;
    // What cannot be inspected cannot be loaded either, and loading tells better why.
    let exports = engine::inspect(&bytes);
    let exports = |name| {
        exports
            .as_ref()
            .is_ok_and(|module| module.export(name).is_some())
    };
    match (exports("mutate"), exports("validate")) {
        (true, true) => Err(anyhow!(
            "`{}` can both mutate and validate",
            module.display()
        ))
        .hint("choose one with `--entry-point mutate` or `--entry-point validate`"),
        (mutates, _) => Ok(mutates),
    }
}
