//! The table of all built-in functions.

use crate::{
    Builtin, encoding, json, misc, patch, regex, sprintf, strings, time, units, urlquery, yaml,
};

/// Returns the built-in function with this name.
///
/// ```
/// assert_eq!(rego::find("semver.compare").unwrap().arity(), 2);
/// assert!(rego::find("http.send").is_none());
/// ```
pub fn find(name: &str) -> Option<Builtin> {
    all().find(|builtin| builtin.name() == name)
}

/// Returns all built-in functions, grouped by subject.
pub fn all() -> impl Iterator<Item = Builtin> {
    [
        encoding::BUILTINS,
        json::BUILTINS,
        misc::BUILTINS,
        patch::BUILTINS,
        regex::BUILTINS,
        sprintf::BUILTINS,
        strings::BUILTINS,
        time::BUILTINS,
        units::BUILTINS,
        urlquery::BUILTINS,
        yaml::BUILTINS,
    ]
    .into_iter()
    .flatten()
    .copied()
}
