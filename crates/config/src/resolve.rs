//! From the fields of a file to resolved types: the fields that policies of all planes have.

mod admission;
mod planes;

use std::path::Path;
use std::time::Duration;

use access::PolicyName;
use engine::ByteSize;
use wire::RawValue;

use crate::diagnostics::{ConfigError, ConfigErrors, Diagnostics, both};
use crate::document::{Located, Scope};
use crate::quantity::{format_duration, parse_duration, parse_size};
use crate::resolved::Policy;
use crate::spec::{self, Common};

pub(crate) use admission::{admission_policies, grants};
pub(crate) use planes::{authenticators, authorizers, engine, exemptions, mode};

/// The timeout of a call if the configuration does not set one. Calls take microseconds; a second
/// is for the module that meets an enormous object, and well below the 10 seconds that
/// kube-apiserver waits for an admission webhook by default.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);

/// The longest timeout. kube-apiserver waits at most 30 seconds for any webhook.
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_secs(30);

/// Resolves all entries of a list.
///
/// # Errors
/// All errors of all entries.
fn all<S, R>(
    scope: &Scope<'_>,
    entries: Vec<S>,
    resolve: impl Fn(&Scope<'_>, S) -> Result<R, ConfigErrors>,
) -> Result<Vec<R>, ConfigErrors> {
    let modules = scope.field("modules");
    let mut diagnostics = Diagnostics::default();
    let resolved: Vec<R> = entries
        .into_iter()
        .enumerate()
        .filter_map(|(index, entry)| diagnostics.take(resolve(&modules.item(index), entry)))
        .collect();
    diagnostics.finish(resolved)
}

/// Resolves the fields that policies of all planes have, except for the module.
fn policy(
    scope: &Scope<'_>,
    spec: &Common<'_>,
    max_memory: ByteSize,
) -> Result<Policy, ConfigErrors> {
    let name = both(name(scope, spec), check_module(scope, spec.module));
    let calls = both(
        timeout(scope, spec.timeout),
        limits(scope, spec.limits, max_memory),
    );
    let settings = settings(scope, spec.module, spec.settings);
    let (((name, ()), (timeout, limits)), settings) = both(both(name, calls), settings)?;
    Ok(Policy {
        name,
        settings,
        timeout,
        limits,
        debug: spec.debug.unwrap_or(false),
        position: scope.position(spec.module.location),
    })
}

fn name(scope: &Scope<'_>, spec: &Common<'_>) -> Result<PolicyName, ConfigError> {
    let (text, location) = match spec.name {
        Some(name) => (name.value.as_str(), name.location),
        None => (file_name(&spec.module.value), spec.module.location),
    };
    text.parse().map_err(|error: access::InvalidName| {
        let is_default = spec.name.is_none();
        let hint = is_default.then(|| "give the policy a `name`".to_owned());
        scope
            .field("name")
            .error_at(location, error.to_string())
            .with_hint(hint)
    })
}

fn file_name(path: &str) -> &str {
    let name = Path::new(path).file_name();
    name.and_then(|name| name.to_str()).unwrap_or_default()
}

fn check_module(scope: &Scope<'_>, module: &Located<String>) -> Result<(), ConfigError> {
    if module.value.is_empty() {
        let message = "is empty, expected the path of a file";
        return Err(scope.field("module").error(module, message));
    }
    Ok(())
}

/// Resolves the settings of a policy. Errors have the position of its module.
pub(crate) fn settings(
    scope: &Scope<'_>,
    module: &Located<String>,
    settings: Option<&serde_json::Value>,
) -> Result<Option<Box<RawValue>>, ConfigError> {
    settings
        .map(wire::to_raw_value)
        .transpose()
        .map_err(|error| scope.field("settings").error(module, error.to_string()))
}

fn timeout(scope: &Scope<'_>, spec: Option<&Located<String>>) -> Result<Duration, ConfigError> {
    let Some(spec) = spec else {
        return Ok(DEFAULT_TIMEOUT);
    };
    let scope = scope.field("timeout");
    let timeout =
        parse_duration(&spec.value).map_err(|error| scope.error(spec, error.to_string()))?;
    if timeout > MAX_TIMEOUT {
        let (found, max) = (&spec.value, format_duration(MAX_TIMEOUT));
        let message = format!("is {found}, more than the {max} that kube-apiserver waits at most");
        return Err(scope.error(spec, message));
    }
    Ok(timeout)
}

fn limits(
    scope: &Scope<'_>,
    spec: Option<&spec::Limits>,
    max_memory: ByteSize,
) -> Result<engine::Limits, ConfigErrors> {
    let mut limits = engine::Limits::default();
    let Some(spec) = spec else {
        return Ok(limits);
    };
    let scope = scope.field("limits");
    let mut diagnostics = Diagnostics::default();
    let fields = [
        ("input", spec.input.as_ref(), &mut limits.stdin),
        ("output", spec.output.as_ref(), &mut limits.stdout),
        ("log", spec.log.as_ref(), &mut limits.stderr),
    ];
    if let Some(spec) = &spec.memory {
        let scope = scope.field("memory");
        let size = size(&scope, spec).and_then(|size| {
            if size > max_memory {
                let message = format!("is {size}, more than `engine.maxMemory` ({max_memory})");
                return Err(scope.error(spec, message));
            }
            Ok(size)
        });
        diagnostics.take(size).inspect(|size| limits.memory = *size);
    }
    for (field, spec, limit) in fields {
        if let Some(spec) = spec {
            diagnostics
                .take(size(&scope.field(field), spec))
                .inspect(|size| *limit = *size);
        }
    }
    diagnostics.finish(limits)
}

fn size(scope: &Scope<'_>, spec: &Located<String>) -> Result<ByteSize, ConfigError> {
    parse_size(&spec.value).map_err(|error| scope.error(spec, error.to_string()))
}
