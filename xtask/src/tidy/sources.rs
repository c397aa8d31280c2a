//! Source files: each opens with its purpose, stays short, and leaves nothing for later.

use super::Finding;
use super::repository::Repository;

/// Lines of a file without its tests; what is longer holds more than one noun.
const LINES_MAX: usize = 600;

const SOURCES: [&str; 10] = [
    ".rs", ".go", ".c", ".h", ".sh", ".toml", ".yaml", ".yml", ".py", ".ci/run",
];

/// Notes to oneself. Put together here so that this file does not contain them.
const NOTES: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

/// Hosts that cargo, Go, npm, pip and apt find by themselves; a mirror must stay possible.
const REGISTRY_HOSTS: [&str; 5] = [
    concat!("static.", "crates.io"),
    concat!("proxy.", "golang.org"),
    concat!("registry.", "npmjs.org"),
    concat!("deb.", "debian.org"),
    concat!("pypi", ".org"),
];

/// Finds what is out of order in the source files.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let rust = repository
        .files(&[".rs"])
        .flat_map(|(path, text)| check_rust(path, text));
    let any = repository
        .files(&SOURCES)
        .flat_map(|(path, text)| check_notes(path, text));
    let hosts = repository
        .files(&[""])
        .flat_map(|(path, text)| check_hosts(path, text));
    rust.chain(any).chain(hosts).collect()
}

fn check_rust(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !text.starts_with("//!") {
        findings.push(Finding::line(
            path,
            1,
            "open the file with a `//!` sentence that says what it is for",
        ));
    }
    let lines = lines_without_tests(path, text);
    if lines > LINES_MAX {
        findings.push(Finding::file(
            path,
            format!("{lines} lines without tests: split it by noun ({LINES_MAX} at most)"),
        ));
    }
    for (number, line) in numbered(text) {
        if line.trim_start().starts_with("#[ignore") {
            let problem =
                "a test that is not run is no test: assert what happens today, or remove it";
            findings.push(Finding::line(path, number, problem));
        }
    }
    findings
}

fn check_notes(path: &str, text: &str) -> Vec<Finding> {
    let holds_note = |line: &str| NOTES.iter().any(|note| line.contains(note));
    numbered(text)
        .filter(|(_, line)| holds_note(line))
        .map(|(number, _)| {
            Finding::line(
                path,
                number,
                "a note for later: do it now, or open an issue",
            )
        })
        .collect()
}

fn check_hosts(path: &str, text: &str) -> Vec<Finding> {
    let host = |line: &str| REGISTRY_HOSTS.into_iter().find(|host| line.contains(host));
    numbered(text)
        .filter_map(|(number, line)| Some((number, host(line)?)))
        .map(|(number, host)| {
            Finding::line(
                path,
                number,
                format!("names the registry host `{host}`: leave it to the tool"),
            )
        })
        .collect()
}

fn lines_without_tests(path: &str, text: &str) -> usize {
    if path.ends_with("tests.rs") || path.split('/').any(|part| part == "tests") {
        return 0;
    }
    text.lines()
        .take_while(|line| *line != "#[cfg(test)]")
        .count()
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
        assert!(
            findings(
                "crates/host/src/lib.rs",
                "//! Chains.\n\npub struct Chain;\n"
            )
            .is_empty()
        );
    }

    #[test]
    fn finds_a_file_without_a_purpose() {
        assert_eq!(
            findings("src/a.rs", "use std::fs;\n"),
            ["src/a.rs:1: open the file with a `//!` sentence that says what it is for"]
        );
    }

    #[test]
    fn counts_lines_without_tests() {
        let long = format!("//! Long.\n{}", "\n".repeat(LINES_MAX));
        assert_eq!(findings("src/a.rs", &long).len(), 1);
        assert!(findings("src/a/tests.rs", &long).is_empty());
        let tested = format!(
            "//! Tested.\n#[cfg(test)]\nmod tests {{\n{}}}\n",
            "\n".repeat(LINES_MAX)
        );
        assert!(findings("src/a.rs", &tested).is_empty());
    }

    #[test]
    fn finds_notes_ignored_tests_and_registry_hosts() {
        let note = format!("//! A.\n// {} later\n", NOTES[0]);
        assert_eq!(
            findings("src/a.rs", &note),
            ["src/a.rs:2: a note for later: do it now, or open an issue"]
        );
        assert_eq!(
            findings("src/a.rs", "//! A.\n#[ignore = \"slow\"]\n").len(),
            1
        );
        assert_eq!(
            findings("docs/a.md", &format!("curl https://{}/", REGISTRY_HOSTS[0])).len(),
            1
        );
    }
}
