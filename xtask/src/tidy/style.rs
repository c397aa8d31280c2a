//! Conventions of Rust and Go code that no formatter or lint enforces.

use super::finding::Finding;
use super::repository::Repository;
use super::rust::Source;
use super::sources::is_test;

/// Maximum length of a function, in lines from its name to its closing brace.
const MAX_FUNCTION_LINES: usize = 70;

/// Finds code that departs from the conventions.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let rust = repository.files(&[".rs"]).flat_map(|(path, text)| {
        let source = Source::parse(text);
        [
            check_constants(path, &source),
            check_derives(path, &source),
            check_expects(path, &source),
            check_lengths(path, &functions(&source)),
        ]
        .concat()
    });
    let go = repository
        .files(&[".go"])
        .flat_map(|(path, text)| check_lengths(path, &go_functions(text)));
    rust.chain(go).collect()
}

fn numbered<'a>(source: &'a Source<'_>) -> impl Iterator<Item = (usize, &'a str)> {
    let lines = source.code.iter().enumerate();
    lines.map(|(index, line)| (index + 1, line.as_str()))
}

fn check_constants(path: &str, source: &Source<'_>) -> Vec<Finding> {
    numbered(source)
        .filter_map(|(number, line)| {
            let line = line.trim_start();
            let line = line.strip_prefix("pub").unwrap_or(line);
            let (_, rest) = line
                .split_once("const ")
                .or_else(|| line.split_once("static "))?;
            let name = rest.split(':').next()?.trim();
            let bound = name.strip_suffix("_MAX")?;
            Some(Finding::line(
                path,
                number,
                format!("rename the constant `{name}` to `MAX_{bound}`"),
            ))
        })
        .collect()
}

fn check_derives(path: &str, source: &Source<'_>) -> Vec<Finding> {
    let text = source.code.join("\n");
    let mut findings = Vec::new();
    for (start, _) in text.match_indices("derive(") {
        let Some((list, _)) = text[start + "derive(".len()..].split_once(')') else {
            continue;
        };
        let mut traits = list.split(',').map(str::trim);
        if traits.clone().any(|name| name == "Debug") && traits.next() != Some("Debug") {
            let number = text[..start].matches('\n').count() + 1;
            findings.push(Finding::line(path, number, "derive `Debug` first"));
        }
    }
    findings
}

fn check_expects(path: &str, source: &Source<'_>) -> Vec<Finding> {
    let tests_start = if is_test(path) { 0 } else { source.tests_start };
    numbered(source)
        .skip(tests_start)
        .filter(|(_, line)| line.contains(".expect(\""))
        .map(|(number, _)| {
            let problem = "write `.unwrap()` in tests: the line number says the rest";
            Finding::line(path, number, problem)
        })
        .collect()
}

fn check_lengths(path: &str, functions: &[Function]) -> Vec<Finding> {
    functions
        .iter()
        .filter(|function| function.lines > MAX_FUNCTION_LINES)
        .map(|Function { name, line, lines }| {
            let problem = format!(
                "the function `{name}` has {lines} lines: split it ({MAX_FUNCTION_LINES} at most)"
            );
            Finding::line(path, *line, problem)
        })
        .collect()
}

/// A function with a body.
pub struct Function {
    name: String,
    /// Line number from 1.
    line: usize,
    /// Number of lines.
    pub lines: usize,
}

/// Lists the functions of a Rust file.
pub fn functions(source: &Source<'_>) -> Vec<Function> {
    let text = source.code.join("\n");
    let mut functions = Vec::new();
    for (start, _) in text.match_indices("fn ") {
        let before = text[..start].chars().next_back();
        let rest = &text[start + 3..];
        let is_name = rest.starts_with(|c: char| c.is_alphabetic() || c == '_');
        if !is_name || before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let Some(length) = body_end(rest) else {
            continue;
        };
        let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_');
        functions.push(Function {
            name: name.take(1).collect(),
            line: text[..start].matches('\n').count() + 1,
            lines: rest[..length].matches('\n').count() + 1,
        });
    }
    functions
}

/// Returns the offset of the closing brace of a function's body, or `None` if it has no body.
fn body_end(text: &str) -> Option<usize> {
    let (mut brackets, mut braces) = (0_usize, 0_usize);
    for (offset, c) in text.char_indices() {
        match c {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            ';' if brackets == 0 && braces == 0 => return None,
            '{' => braces += 1,
            '}' if braces <= 1 => return Some(offset),
            '}' => braces -= 1,
            _ => {}
        }
    }
    None
}

/// Lists the functions of a Go file, which gofmt closes with a brace in the first column.
fn go_functions(text: &str) -> Vec<Function> {
    let mut functions = Vec::new();
    let mut start = None;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("func ") {
            start = Some((index, line));
        }
        if let ("}", Some((first, line))) = (line, start) {
            let name = line.trim_start_matches("func ");
            functions.push(Function {
                name: name.trim_end_matches(" {").to_owned(),
                line: first + 1,
                lines: index - first + 1,
            });
            start = None;
        }
    }
    functions
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
    fn finds_bounds_that_end_with_max() {
        let text = "pub(crate) const LINES_MAX: u8 = 1;\nconst MAX_LINES: u8 = i8::MAX;\n";
        assert_eq!(
            findings("src/a.rs", text),
            ["src/a.rs:1: rename the constant `LINES_MAX` to `MAX_LINES`"]
        );
    }

    #[test]
    fn finds_derives_that_do_not_begin_with_debug() {
        let text = "#[derive(Debug, Clone)]\nstruct A;\n#[derive(\n    Clone,\n    Debug,\n)]\nstruct B;\n\
            #[derive(Clone)]\nstruct C;\n";
        assert_eq!(
            findings("src/a.rs", text),
            ["src/a.rs:3: derive `Debug` first"]
        );
    }

    #[test]
    fn finds_expect_in_tests_only() {
        let text = "fn a() { b.expect(\"c\") }\n#[cfg(test)]\nmod tests {\n    fn a() { b.expect(\"c\") }\n}\n";
        let found = findings("src/a.rs", text);
        assert!(
            matches!(&found[..], [it] if it.starts_with("src/a.rs:4:")),
            "{found:?}"
        );
        assert_eq!(findings("crates/a/tests/all.rs", text).len(), 2);
    }

    #[test]
    fn finds_long_functions() {
        let body = "\n    let a = [0; 3];".repeat(MAX_FUNCTION_LINES);
        let found = findings(
            "src/a.rs",
            &format!("trait T {{ fn a(b: [u8; 3]); }}\nfn b() {{{body}\n}}\n"),
        );
        assert_eq!(
            found,
            ["src/a.rs:2: the function `b` has 72 lines: split it (70 at most)"]
        );
        assert_eq!(
            findings("src/a.rs", "fn a() {\n}\nfn b() {}\n"),
            [] as [&str; 0]
        );
        let found = findings("a.go", &format!("func (a *A) b() {{{body}\n}}\n"));
        assert!(found[0].contains("`(a *A) b()` has 72 lines"), "{found:?}");
    }
}
