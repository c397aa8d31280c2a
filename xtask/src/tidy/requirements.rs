//! Security requirements: each has a row in the document, and each test in a row exists and names
//! the requirement in its comment.

use super::documents::resolve;
use super::finding::Finding;
use super::repository::Repository;

const DOCUMENT: &str = "docs/concepts/security-requirements.md";

/// Number of requirements, S1 to S22.
const COUNT: usize = 22;

/// Finds requirements without a row, and rows without evidence.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let Some(text) = repository.text(DOCUMENT) else {
        return vec![Finding::file(
            DOCUMENT,
            "write it: the requirements and their tests",
        )];
    };
    let rows: Vec<_> = text.lines().enumerate().filter_map(row).collect();
    let missing = (1..=COUNT)
        .map(|number| format!("S{number}"))
        .filter(|name| !rows.iter().any(|row| row.name == *name))
        .map(|name| Finding::file(DOCUMENT, format!("`{name}` has no row")));
    let broken = rows
        .iter()
        .flat_map(|row| check_row(repository, text, row))
        .map(|(line, problem)| Finding::line(DOCUMENT, line, problem));
    missing.chain(broken).collect()
}

/// A row of the table.
struct Row<'a> {
    line: usize,
    name: &'a str,
    cells: &'a str,
}

fn row((index, line): (usize, &str)) -> Option<Row<'_>> {
    let (name, cells) = line.strip_prefix("| ")?.split_once(" |")?;
    let number = name.strip_prefix('S')?;
    number.parse::<usize>().ok()?;
    Some(Row {
        line: index + 1,
        name,
        cells,
    })
}

fn check_row(repository: &Repository, document: &str, row: &Row<'_>) -> Vec<(usize, String)> {
    let mut problems = Vec::new();
    let mut is_met = row.cells.contains("waits for");
    for (text, target) in links(row.cells) {
        if let Some(anchor) = target.strip_prefix('#') {
            is_met = true;
            if !document.lines().any(|line| is_heading(line, anchor)) {
                problems.push(format!("the section `{anchor}` does not exist"));
            }
        } else if let Some(test) = text.strip_prefix('`').and_then(|t| t.strip_suffix('`')) {
            is_met = true;
            problems.extend(check_test(repository, row.name, test, target));
        }
    }
    if !is_met {
        problems.push(format!("`{}` has neither a test nor a section", row.name));
    }
    problems
        .into_iter()
        .map(|problem| (row.line, problem))
        .collect()
}

fn check_test(repository: &Repository, name: &str, test: &str, target: &str) -> Option<String> {
    let path = resolve("docs/concepts", target);
    // The check of documents reports broken links.
    let source = repository.text(&path)?;
    let lines: Vec<&str> = source.lines().map(str::trim_start).collect();
    let declares = |line: &&str| {
        let declared = line.strip_prefix("async ").unwrap_or(line);
        declared
            .strip_prefix("fn ")
            .and_then(|rest| rest.strip_prefix(test))
            .is_some_and(|rest| rest.starts_with('('))
    };
    let Some(at) = lines.iter().position(declares) else {
        return Some(format!("`{path}` has no test `{test}`"));
    };
    let above = lines[..at].iter().rev();
    let is_named = above
        .take_while(|line| line.starts_with("//") || line.starts_with("#["))
        .any(|line| names(line, name));
    (!is_named).then(|| format!("the comment above `{test}` in `{path}` does not name {name}"))
}

/// Returns whether a comment begins with the requirement, as in `/// S3, S4: reason`.
fn names(comment: &str, name: &str) -> bool {
    let comment = comment.trim_start_matches('/').trim_start();
    comment
        .split_once(':')
        .is_some_and(|(named, _)| named.split(", ").any(|one| one == name))
}

/// Lists text and target of links, `[text](target)`.
fn links(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.split('[').skip(1).filter_map(|rest| {
        let (text, rest) = rest.split_once("](")?;
        let (target, _) = rest.split_once(')')?;
        Some((text, target))
    })
}

/// Returns whether a line is the heading of an anchor.
fn is_heading(line: &str, anchor: &str) -> bool {
    let title = line.trim_start_matches('#').trim();
    let slug: String = title
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect();
    line.starts_with('#') && slug == anchor
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "/// S1, S2: encrypted.\n#[tokio::test]\nasync fn encrypts() {}\n\n\
        /// No requirement.\n#[test]\nfn encrypts_all() {}\n";

    fn findings(rows: &str) -> Vec<String> {
        let rest: String = (2..=COUNT)
            .map(|number| format!("| S{number} | x | [how](#how) |\n"))
            .collect();
        let document = format!("{rows}\n{rest}\n## How\n");
        check(&Repository::from([
            (DOCUMENT, document.as_str()),
            ("crates/a/tests/tls.rs", SOURCE),
        ]))
        .iter()
        .map(Finding::to_string)
        .collect()
    }

    #[test]
    fn accepts_rows_with_tests_or_sections_and_planned_rows() {
        let test = "| S1 | TLS | met | [`encrypts`](../../crates/a/tests/tls.rs) |";
        assert_eq!(findings(test), [] as [&str; 0]);
        assert_eq!(
            findings("| S1 | TLS | waits for `deploy/` |"),
            [] as [&str; 0]
        );
    }

    #[test]
    fn finds_requirements_without_a_row_and_rows_without_evidence() {
        assert_eq!(
            findings(""),
            ["docs/concepts/security-requirements.md: `S1` has no row"]
        );
        assert_eq!(
            findings("| S1 | TLS | of course |"),
            ["docs/concepts/security-requirements.md:1: `S1` has neither a test nor a section"]
        );
    }

    #[test]
    fn finds_tests_and_sections_that_do_not_exist() {
        let problem = |cell: &str| findings(&format!("| S1 | {cell} |")).join("");
        let path = "../../crates/a/tests/tls.rs";
        assert!(problem(&format!("[`enc`]({path})")).ends_with("has no test `enc`"));
        assert!(problem(&format!("[`encrypts_all`]({path})")).ends_with("does not name S1"));
        assert!(problem("[why](#why)").ends_with("the section `why` does not exist"));
    }
}
