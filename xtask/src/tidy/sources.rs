//! Source files: each begins with its purpose, is short, and contains no notes for later.

use super::finding::Finding;
use super::repository::Repository;

/// Maximum length of a source file, in lines.
const MAX_LINES: usize = 450;

const SOURCES: [&str; 10] = [
    ".rs", ".go", ".c", ".h", ".sh", ".toml", ".yaml", ".yml", ".py", ".ci/run",
];

/// Marks of notes for later, in two parts so that this file does not contain them.
const NOTES: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

/// Finds source files that break these rules.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let rust = repository
        .files(&[".rs"])
        .flat_map(|(path, text)| check_rust(path, text));
    let lengths = repository
        .files(&[".rs", ".go"])
        .filter_map(|(path, text)| check_length(path, text));
    let notes = repository
        .files(&SOURCES)
        .flat_map(|(path, text)| check_notes(path, text));
    rust.chain(lengths).chain(notes).collect()
}

/// Returns whether a whole Rust file is test code.
pub fn is_test(path: &str) -> bool {
    let names = ["/tests.rs", "/laws.rs"];
    let has_test_name = names.iter().any(|name| path.ends_with(name));
    has_test_name || path.contains("/tests/") || path.starts_with("tests/")
}

fn check_rust(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !text.starts_with("//!") {
        let problem = "begin the file with a `//!` comment that states its purpose";
        findings.push(Finding::line(path, 1, problem));
    }
    for (number, line) in numbered(text) {
        if line.trim_start().starts_with("#[ignore") {
            let problem = "an ignored test proves nothing: assert today's behaviour, or remove it";
            findings.push(Finding::line(path, number, problem));
        }
    }
    findings
}

fn check_length(path: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    (lines > MAX_LINES).then(|| {
        Finding::file(
            path,
            format!("{lines} lines: split it ({MAX_LINES} at most)"),
        )
    })
}

fn check_notes(path: &str, text: &str) -> Vec<Finding> {
    numbered(text)
        .filter(|(_, line)| NOTES.iter().any(|note| line.contains(note)))
        .map(|(number, _)| {
            let problem = "a note for later: do it now, or open an issue";
            Finding::line(path, number, problem)
        })
        .collect()
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        check(&Repository::from([(path, text)]))
            .iter()
            .map(Finding::to_string)
            .collect()
    }

    #[test]
    fn accepts_a_short_file_with_a_purpose() {
        let text = "//! Chains.\n\npub struct Chain;\n";
        assert_eq!(findings("crates/host/src/lib.rs", text), [] as [&str; 0]);
    }

    #[test]
    fn finds_a_file_without_a_purpose() {
        assert_eq!(
            findings("src/a.rs", "use std::fs;\n"),
            ["src/a.rs:1: begin the file with a `//!` comment that states its purpose"]
        );
    }

    #[test]
    fn finds_long_files() {
        let long = format!("//! Long.{}", "\n".repeat(MAX_LINES + 1));
        assert_eq!(
            findings("src/a.rs", &long),
            ["src/a.rs: 451 lines: split it (450 at most)"]
        );
        assert_eq!(findings("a.go", &long).len(), 1);
        assert_eq!(findings("a.md", &long), [] as [&str; 0]);
    }

    #[test]
    fn finds_notes_and_ignored_tests() {
        let note = format!("//! A.\n// {} later\n", NOTES[0]);
        assert_eq!(
            findings("src/a.rs", &note),
            ["src/a.rs:2: a note for later: do it now, or open an issue"]
        );
        assert_eq!(
            findings("src/a.rs", "//! A.\n#[ignore = \"slow\"]\n").len(),
            1
        );
    }
}
