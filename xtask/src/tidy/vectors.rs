//! `spec/vectors/`: every file can be read by those who run the vectors.

use serde_json::Value;

use super::Finding;
use super::repository::Repository;

/// Finds vectors that are not JSON.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let vectors = repository
        .files(&[".json"])
        .filter(|(path, _)| path.starts_with("spec/vectors/"));
    vectors
        .filter_map(|(path, text)| {
            let error = serde_json::from_str::<Value>(text).err()?;
            Some(Finding::line(
                path,
                error.line(),
                format!("not JSON: {error}"),
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_vectors_that_are_not_json() {
        let repository = Repository::from([
            ("spec/vectors/a.json", "{}"),
            ("spec/vectors/b.json", "{\n,}"),
        ]);
        let findings = check(&repository);
        assert_eq!(findings.len(), 1);
        assert!(
            findings[0]
                .to_string()
                .starts_with("spec/vectors/b.json:2: not JSON"),
            "{}",
            findings[0]
        );
    }
}
