//! The form of documentation comments: how they begin, by the kind of item.

use super::finding::Finding;
use super::repository::Repository;
use super::rust::Source;
use super::sources::is_test;

/// First words that turn a comment into a question or a relative clause.
const QUESTION_WORDS: [&str; 10] = [
    "What", "Whatever", "Whether", "Who", "Whose", "Which", "How", "Where", "Why", "When",
];

/// First words of a function's comment that are accepted although they are not verbs in the third
/// person.
const FUNCTION_WORDS: [&str; 1] = ["Like"];

/// Verbs that begin the comment of a function and not that of a type.
const VERBS: [&str; 34] = [
    "Answers",
    "Asks",
    "Builds",
    "Checks",
    "Collects",
    "Contains",
    "Counts",
    "Creates",
    "Decides",
    "Defines",
    "Describes",
    "Evaluates",
    "Finds",
    "Gives",
    "Holds",
    "Implements",
    "Keeps",
    "Loads",
    "Makes",
    "Parses",
    "Provides",
    "Reads",
    "Represents",
    "Returns",
    "Runs",
    "Says",
    "Sends",
    "Serves",
    "Stores",
    "Takes",
    "Tells",
    "Wraps",
    "Writes",
    "Is",
];

/// A kind of item for which the form is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Function,
    Type,
    Other,
}

/// Finds documentation comments with a wrong beginning.
pub fn check(repository: &Repository) -> Vec<Finding> {
    repository
        .files(&[".rs"])
        .flat_map(|(path, text)| check_file(path, text))
        .collect()
}

fn check_file(path: &str, text: &str) -> Vec<Finding> {
    let source = Source::parse(text);
    source
        .docs
        .iter()
        .filter_map(|doc| {
            let item = match doc.marker {
                "//!" => Item::Other,
                _ => item(source.item_after(doc)),
            };
            // The comment of a test may begin with the security requirement that it proves.
            let in_tests = is_test(path) || doc.start >= source.tests_start;
            let problem = problem(doc.first_line, if in_tests { Item::Other } else { item })?;
            Some(Finding::line(path, doc.start + 1, problem))
        })
        .collect()
}

/// Returns the kind of an item, given its first line without attributes.
fn item(line: &str) -> Item {
    let modifier = |word: &str| {
        word.starts_with("pub")
            || matches!(word, "const" | "async" | "unsafe" | "extern" | "default")
    };
    let mut words = line.split_whitespace().skip_while(|word| {
        modifier(word) || word.starts_with('"') || word.ends_with(')') && !word.contains("fn")
    });
    match words.next() {
        Some("fn") => Item::Function,
        Some("struct" | "enum" | "union" | "trait" | "type") => Item::Type,
        _ => Item::Other,
    }
}

fn problem(first_line: &str, item: Item) -> Option<String> {
    let first = first_line.split_whitespace().next().unwrap_or_default();
    let word = first.trim_end_matches(|c: char| !c.is_alphanumeric());
    if QUESTION_WORDS.contains(&word) {
        return Some(format!(
            "begin the comment with a noun phrase or a verb, not with `{word}`"
        ));
    }
    let is_verb = word.ends_with('s') && word.starts_with(|c: char| c.is_ascii_uppercase());
    match item {
        // A comment can consist of a section such as `# Safety`.
        Item::Function if first == "#" => None,
        Item::Function if !is_verb && !FUNCTION_WORDS.contains(&word) => Some(format!(
            "begin the comment of a function with a verb in the third person, such as `Returns`, not with `{first}`"
        )),
        Item::Type if VERBS.contains(&word) => Some(format!(
            "begin the comment of a type with a noun phrase, not with the verb `{word}`"
        )),
        _ => None,
    }
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
    fn recognizes_functions_and_types() {
        for line in [
            "fn a() {",
            "pub(crate) const unsafe fn a()",
            "pub unsafe extern \"C\" fn a(",
            "pub async fn a() {",
        ] {
            assert_eq!(item(line), Item::Function, "{line}");
        }
        for line in [
            "pub struct A {",
            "enum A {",
            "pub(super) trait A {",
            "type A = B;",
        ] {
            assert_eq!(item(line), Item::Type, "{line}");
        }
        for line in [
            "pub const A: u8 = 1;",
            "field: fn() -> u8,",
            "mod a;",
            "Variant(A),",
        ] {
            assert_eq!(item(line), Item::Other, "{line}");
        }
    }

    #[test]
    fn accepts_comments_of_the_right_form() {
        let text = "//! Chains.\n\n/// Returns whether it is empty.\nfn a() {}\n\n/// A chain.\nstruct A;\n\n\
            /// True if it is empty.\nconst B: bool = true;\n\n/// Limits of a call.\nstruct C;\n";
        assert_eq!(findings("src/a.rs", text), [] as [&str; 0]);
    }

    #[test]
    fn rejects_questions_everywhere() {
        let text = "//! What it does.\n\n/// Whether it is.\nconst A: bool = true;\n";
        let found = findings("src/a.rs", text);
        assert_eq!(
            found,
            [
                "src/a.rs:1: begin the comment with a noun phrase or a verb, not with `What`",
                "src/a.rs:3: begin the comment with a noun phrase or a verb, not with `Whether`",
            ]
        );
    }

    #[test]
    fn rejects_nouns_for_functions_and_verbs_for_types() {
        let text =
            "//! A.\n\n/// The name.\n#[must_use]\npub fn a() {}\n\n/// Holds a name.\nstruct A;\n";
        let found = findings("src/a.rs", text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("src/a.rs:3:") && found[0].contains("not with `The`"));
        assert!(found[1].starts_with("src/a.rs:7:") && found[1].contains("the verb `Holds`"));
    }

    #[test]
    fn accepts_requirements_in_comments_of_tests() {
        let text = "//! A.\n\n/// S7: denies.\n#[test]\nfn a() {}\n";
        assert_eq!(findings("crates/a/tests/a.rs", text), [] as [&str; 0]);
        assert_eq!(findings("crates/a/src/a.rs", text).len(), 1);
    }
}
