//! The environment variables that the program reads: all of them, and only here.

use std::env;
use std::path::PathBuf;

/// Where a user's caches are, when not in `~/.cache` (XDG Base Directory Specification).
const XDG_CACHE_HOME: &str = "XDG_CACHE_HOME";
/// The user's home directory.
const HOME: &str = "HOME";
/// When set and not empty, nothing is coloured (<https://no-color.org>).
const NO_COLOR: &str = "NO_COLOR";
/// Headers for the collector of traces (OpenTelemetry Protocol Exporter). A credential has no place in a command line.
pub(crate) const OTLP_HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
/// What is told of this process in traces (OpenTelemetry Resource SDK).
pub(crate) const OTLP_RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// The directory for this program's caches: `$XDG_CACHE_HOME/k8s-wasm` or `~/.cache/k8s-wasm`. None without a home.
pub(crate) fn cache_directory() -> Option<PathBuf> {
    caches().map(|caches| caches.join("k8s-wasm"))
}

/// Where `kwctl pull` keeps the policies of Kubewarden.
pub(crate) fn kubewarden_store() -> Option<PathBuf> {
    caches().map(|caches| caches.join("kubewarden/store"))
}

fn caches() -> Option<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute(XDG_CACHE_HOME).or_else(|| absolute(HOME).map(|home| home.join(".cache")))
}

/// The value of a variable of OpenTelemetry, whose format knows no empty values; what is not UTF-8 is replaced.
pub(crate) fn opentelemetry(name: &str) -> String {
    let value = env::var_os(name).unwrap_or_default();
    value.to_string_lossy().into_owned()
}

/// Whether the user wants no colours anywhere.
pub(crate) fn no_color() -> bool {
    env::var_os(NO_COLOR).is_some_and(|value| !value.is_empty())
}
