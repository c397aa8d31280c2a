//! Vectors and the cases of examples: each has exactly the fields that spec/vectors/README.md lists.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::finding::Finding;
use super::repository::Repository;

/// The fields of a vector; the tests that run it check their values.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "only the presence of the fields is checked")]
struct Vector {
    about: String,
    module: String,
    entry_point: String,
    policy: Option<IgnoredAny>,
    settings: Option<IgnoredAny>,
    request: IgnoredAny,
    expect: IgnoredAny,
}

/// Finds malformed vectors, and vectors of modules that are not in `modules`.
pub fn check(repository: &Repository, modules: &[&str]) -> Vec<Finding> {
    repository
        .files(&[".json"])
        .filter(|(path, _)| is_vector(path))
        .filter_map(|(path, text)| check_vector(path, text, modules))
        .collect()
}

fn is_vector(path: &str) -> bool {
    path.starts_with("spec/vectors/") || path.starts_with("examples/") && path.contains("/cases/")
}

fn check_vector(path: &str, text: &str, modules: &[&str]) -> Option<Finding> {
    match serde_json::from_str::<Vector>(text) {
        Err(error) => Some(Finding::line(
            path,
            error.line(),
            format!("not a vector: {error}"),
        )),
        Ok(vector) if !modules.contains(&vector.module.as_str()) => Some(Finding::file(
            path,
            format!("no package builds the module `{}`", vector.module),
        )),
        Ok(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VECTOR: &str =
        r#"{"about": "a", "module": "m", "entryPoint": "authn", "request": {}, "expect": {}}"#;

    fn findings(path: &str, text: &str) -> Vec<String> {
        check(&Repository::from([(path, text)]), &["m"])
            .iter()
            .map(Finding::to_string)
            .collect()
    }

    #[test]
    fn accepts_vectors() {
        assert_eq!(
            findings("spec/vectors/authn/a.json", VECTOR),
            [] as [&str; 0]
        );
        assert_eq!(findings("examples/a/settings.json", "[]"), [] as [&str; 0]);
    }

    #[test]
    fn finds_malformed_vectors() {
        for text in ["{\n,}", "{}", &VECTOR.replace("about", "abuot")] {
            let found = findings("examples/a/cases/b.json", text);
            assert!(
                matches!(&found[..], [finding] if finding.contains("not a vector")),
                "{text}: {found:?}"
            );
        }
    }

    #[test]
    fn finds_vectors_of_unknown_modules() {
        let found = findings("spec/vectors/a.json", &VECTOR.replace(r#""m""#, r#""n""#));
        assert_eq!(
            found,
            ["spec/vectors/a.json: no package builds the module `n`"]
        );
    }
}
