//! `examples/`: every folder has test cases and a row in the table.

use super::finding::Finding;
use super::repository::Repository;

const TABLE: &str = "examples/README.md";

/// Finds examples without a row or without cases.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let table = repository.text(TABLE).unwrap_or_default();
    repository
        .folders("examples/")
        .into_iter()
        .flat_map(|example| check_example(repository, table, example))
        .collect()
}

fn check_example(repository: &Repository, table: &str, example: &str) -> Vec<Finding> {
    let folder = format!("examples/{example}");
    let mut findings = Vec::new();
    if !table.contains(&format!("({example}/")) && !table.contains(&format!("`{example}`")) {
        findings.push(Finding::file(
            TABLE,
            format!("add `{example}` to the table"),
        ));
    }
    if !repository.exists(&format!("{folder}/cases")) {
        findings.push(Finding::file(&folder, "add test cases in a folder `cases`"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_an_example_with_cases_and_a_row() {
        let repository = Repository::from([
            (TABLE, "| [require-labels](require-labels/) | validate |\n"),
            ("examples/require-labels/src/lib.rs", "//! Labels.\n"),
            ("examples/require-labels/cases/ok.json", "{}"),
        ]);
        assert_eq!(check(&repository), []);
    }

    #[test]
    fn finds_an_example_without_a_row_or_cases() {
        let repository =
            Repository::from([(TABLE, ""), ("examples/lonely/src/lib.rs", "//! Lonely.\n")]);
        let findings: Vec<_> = check(&repository).iter().map(Finding::to_string).collect();
        assert_eq!(
            findings,
            [
                "examples/README.md: add `lonely` to the table",
                "examples/lonely: add test cases in a folder `cases`"
            ]
        );
    }
}
