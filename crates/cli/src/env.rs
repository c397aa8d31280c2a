//! The environment variables that the program reads. No other file reads any.
//!
//! `NO_COLOR`, `CLICOLOR_FORCE` and their like are read by `anstream`, and `KUBECONFIG` by the
//! Kubernetes client.

use std::env;
use std::path::PathBuf;

/// The directory of the user's caches, by default `~/.cache` (XDG Base Directory Specification).
const XDG_CACHE_HOME: &str = "XDG_CACHE_HOME";
/// The user's home directory.
const HOME: &str = "HOME";
/// Headers for the trace collector (OpenTelemetry Protocol Exporter). A credential must not be in a
/// command line, which every process of the machine can read.
pub(crate) const OTLP_HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
/// Attributes that describe this process in traces (OpenTelemetry Resource SDK).
pub(crate) const OTLP_RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// Returns the cache directory of this program, `$XDG_CACHE_HOME/k8s-wasm` or `~/.cache/k8s-wasm`,
/// or none if the user has no home directory.
pub(crate) fn cache_directory() -> Option<PathBuf> {
    user_caches().map(|caches| caches.join("k8s-wasm"))
}

/// Returns the directory into which `kwctl pull` stores Kubewarden policies.
pub(crate) fn kubewarden_store() -> Option<PathBuf> {
    user_caches().map(|caches| caches.join("kubewarden/store"))
}

/// Returns the value of an OpenTelemetry variable, in which invalid UTF-8 is replaced. An unset
/// variable is the same as an empty one.
pub(crate) fn opentelemetry(name: &str) -> String {
    let value = env::var_os(name).unwrap_or_default();
    value.to_string_lossy().into_owned()
}

fn user_caches() -> Option<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute(XDG_CACHE_HOME).or_else(|| absolute(HOME).map(|home| home.join(".cache")))
}
