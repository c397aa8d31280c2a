//! Documents: the paths in ARCHITECTURE.md, links, and `cargo xtask` commands exist.

use super::finding::Finding;
use super::repository::Repository;

const ARCHITECTURE: &str = "ARCHITECTURE.md";

/// Finds broken paths, links and commands in Markdown files. `verbs` are those of `cargo xtask`.
pub fn check(repository: &Repository, verbs: &[String]) -> Vec<Finding> {
    let mut findings = check_architecture(repository);
    for (path, text) in repository.files(&[".md"]) {
        findings.extend(check_links(repository, path, text));
        findings.extend(check_commands(path, text, verbs));
    }
    findings
}

fn check_architecture(repository: &Repository) -> Vec<Finding> {
    let Some(text) = repository.text(ARCHITECTURE) else {
        return vec![Finding::file(
            ARCHITECTURE,
            "write it: the map of the repository",
        )];
    };
    let named: Vec<_> = numbered(text)
        .flat_map(|(number, line)| spans(line).map(move |span| (number, span)))
        .collect();
    let missing = named
        .iter()
        .filter(|(_, span)| is_path(span) && !repository.exists(span))
        .map(|(number, span)| {
            Finding::line(ARCHITECTURE, *number, format!("`{span}` does not exist"))
        });
    let top = repository
        .folders("")
        .into_iter()
        .filter(|folder| !folder.starts_with('.'))
        .map(|name| format!("{name}/"));
    let crates = repository
        .folders("crates/")
        .into_iter()
        .map(|name| format!("crates/{name}"));
    let unnamed = top
        .chain(crates)
        .filter(|folder| {
            !named
                .iter()
                .any(|(_, span)| span.starts_with(folder.as_str()))
        })
        .map(|folder| Finding::file(ARCHITECTURE, format!("describe the folder `{folder}`")));
    missing.chain(unnamed).collect()
}

/// Returns whether a text is a path in the repository, not a URL path, API version or pattern.
fn is_path(span: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let api_version = span
        .rsplit('/')
        .next()
        .is_some_and(|last| matches!(last, "v1" | "v1alpha1" | "v1beta1"));
    span.contains('/') && !span.starts_with('/') && span.chars().all(plain) && !api_version
}

fn check_links(repository: &Repository, path: &str, text: &str) -> Vec<Finding> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let broken = |target: &&str| {
        let file = target.split('#').next().unwrap_or_default();
        !file.is_empty() && !target.contains(':') && !repository.exists(&resolve(folder, file))
    };
    outside_fences(text)
        .flat_map(|(number, line)| links(line).map(move |target| (number, target)))
        .filter(|(_, target)| broken(target))
        .map(|(number, target)| {
            Finding::line(
                path,
                number,
                format!("the target `{target}` of the link does not exist"),
            )
        })
        .collect()
}

fn check_commands(path: &str, text: &str, verbs: &[String]) -> Vec<Finding> {
    numbered(text)
        .flat_map(|(number, line)| commands(line).map(move |verb| (number, verb)))
        .filter(|(_, verb)| !verbs.iter().any(|known| known == verb))
        .map(|(number, verb)| {
            Finding::line(path, number, format!("`cargo xtask` has no verb `{verb}`"))
        })
        .collect()
}

/// Resolves the target of a link in a document in `folder`; relative to the root.
pub(super) fn resolve(folder: &str, target: &str) -> String {
    let mut parts: Vec<_> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Lists the texts in backticks.
fn spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Lists the targets of links, `[text](target)`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next())
}

/// Lists the verbs that follow `cargo xtask`, without placeholders such as `<verb>`.
fn commands(line: &str) -> impl Iterator<Item = &str> {
    let verb = |rest: &'_ str| {
        rest.find(|c: char| !c.is_ascii_lowercase())
            .unwrap_or(rest.len())
    };
    line.split("cargo xtask ")
        .skip(1)
        .map(move |rest| &rest[..verb(rest)])
        .filter(|verb| !verb.is_empty())
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
}

fn outside_fences(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    numbered(text).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "`crates/host/` joins; `docs/` explain.\n";

    fn findings<const N: usize>(files: [(&str, &str); N]) -> Vec<String> {
        check(&Repository::from(files), &["test".to_owned()])
            .iter()
            .map(Finding::to_string)
            .collect()
    }

    fn findings_in(text: &str) -> Vec<String> {
        findings([
            (ARCHITECTURE, MAP),
            ("crates/host/src/lib.rs", ""),
            ("docs/guide.md", text),
        ])
    }

    #[test]
    fn finds_folders_missing_on_the_map_and_paths_that_do_not_exist() {
        let map = "`crates/host/` joins, `crates/gone/lib.rs` is gone; `/authn`, `apps/v1` and `crates/*` are not paths.\n";
        let found = findings([
            (ARCHITECTURE, map),
            ("crates/host/a", ""),
            ("crates/wire/a", ""),
            ("docs/a", ""),
        ]);
        assert_eq!(
            found,
            [
                "ARCHITECTURE.md:1: `crates/gone/lib.rs` does not exist",
                "ARCHITECTURE.md: describe the folder `docs/`",
                "ARCHITECTURE.md: describe the folder `crates/wire`",
            ]
        );
    }

    #[test]
    fn finds_broken_links() {
        let good = "[map](../ARCHITECTURE.md#code-map) [host](../crates/host/) [web](https://example.com) [here](#top)\n";
        assert_eq!(findings_in(good), [] as [&str; 0]);
        assert_eq!(
            findings_in("\n[gone](gone.md)\n"),
            ["docs/guide.md:2: the target `gone.md` of the link does not exist"]
        );
        assert_eq!(
            findings_in("```\n[not a link](gone.md)\n```\n"),
            [] as [&str; 0]
        );
    }

    #[test]
    fn finds_unknown_verbs() {
        let good = "```sh\ncargo xtask test --only tidy\n```\n`cargo xtask <verb>`; `cargo xtask` alone lists them\n";
        assert_eq!(findings_in(good), [] as [&str; 0]);
        assert_eq!(
            findings_in("run `cargo xtask tset`\n"),
            ["docs/guide.md:1: `cargo xtask` has no verb `tset`"]
        );
    }
}
