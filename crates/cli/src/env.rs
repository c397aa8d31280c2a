//! The environment variables that the program reads: all of them, and only here.

use std::env;
use std::path::PathBuf;

/// Where a user's caches are, when not in `~/.cache` (XDG Base Directory Specification).
const XDG_CACHE_HOME: &str = "XDG_CACHE_HOME";
/// The user's home directory.
const HOME: &str = "HOME";
/// When set and not empty, nothing is coloured (<https://no-color.org>).
const NO_COLOR: &str = "NO_COLOR";

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

/// Whether the user wants no colours anywhere.
pub(crate) fn no_color() -> bool {
    env::var_os(NO_COLOR).is_some_and(|value| !value.is_empty())
}
