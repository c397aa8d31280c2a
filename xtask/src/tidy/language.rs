//! The language of sources and documents: words that the project does not use.

use super::finding::Finding;
use super::repository::Repository;

/// Files that may contain the refused words: this list, and the glossary, which lists words that
/// its terms replace.
const EXEMPT: [&str; 2] = ["xtask/src/tidy/language.rs", "docs/glossary.md"];

/// Refused words, and the advice to replace them. Also parts of identifiers, such as `is_told`.
const REFUSED: [(&[&str], &str); 11] = [
    (
        &["told"],
        "name the action: `reported`, `logged`, `described`",
    ),
    (&["whoever"], "name the person or the component"),
    (
        &["besides"],
        "write `also`, `in addition to` or `other than`",
    ),
    (&["lent"], "write `borrowed`"),
    (&["nobody"], "write `no one`, or name the component"),
    (&["somebody"], "write `someone`, or name the component"),
    (&["everybody"], "write `everyone`, or name the component"),
    (&["forerunner"], "write `the original project`"),
    (&["door"], "write `front end`"),
    (&["doors"], "write `front ends`"),
    (&["the", "peer"], "write `Kubewarden` or `policy-server`"),
];

/// Words after "is no" that do not make it the negation of a noun.
const COMPARATIVES: [&str; 14] = [
    "longer",
    "more",
    "less",
    "greater",
    "larger",
    "bigger",
    "higher",
    "lower",
    "later",
    "earlier",
    "shorter",
    "smaller",
    "fewer",
    "different",
];

/// A word, with the place and the text before it.
struct Word {
    /// In lower case.
    text: String,
    /// Line number from 1.
    line: usize,
    /// True if only white space, comment markers or `_` separate it from the word before.
    is_joined: bool,
}

/// Finds refused words in Rust, Go and Markdown. Text in backticks is code, and exempt.
pub fn check(repository: &Repository) -> Vec<Finding> {
    repository
        .files(&[".rs", ".go", ".md"])
        .filter(|(path, _)| !EXEMPT.contains(path))
        .flat_map(|(path, text)| check_text(path, text))
        .collect()
}

fn check_text(path: &str, text: &str) -> Vec<Finding> {
    let words = words(text);
    let mut findings = Vec::new();
    for (index, word) in words.iter().enumerate() {
        for (phrase, advice) in REFUSED {
            if matches(&words[index..], phrase) {
                let problem = format!("`{}` is not used here: {advice}", phrase.join(" "));
                findings.push(Finding::line(path, word.line, problem));
            }
        }
        if let Some(problem) = negated_noun(&words, index) {
            findings.push(Finding::line(path, word.line, problem));
        }
    }
    findings
}

fn matches(words: &[Word], phrase: &[&str]) -> bool {
    words.len() >= phrase.len()
        && words
            .iter()
            .zip(phrase)
            .enumerate()
            .all(|(index, (word, expected))| {
                word.text == *expected && (index == 0 || word.is_joined)
            })
}

/// Returns the problem if "is no" or "are no" negates a noun, as in "it is no module". "There is
/// no" and comparisons are accepted.
fn negated_noun(words: &[Word], index: usize) -> Option<String> {
    let verb = words.get(index)?;
    if !matches!(verb.text.as_str(), "is" | "are") || !matches(&words[index + 1..], &["no"]) {
        return None;
    }
    let [no, noun] = words.get(index + 1..index + 3)? else {
        return None;
    };
    let before = index.checked_sub(1).and_then(|index| words.get(index));
    let is_existence = before.is_some_and(|word| word.text == "there");
    if !no.is_joined
        || !noun.is_joined
        || is_existence
        || COMPARATIVES.contains(&noun.text.as_str())
    {
        return None;
    }
    let (verb, noun) = (&verb.text, &noun.text);
    Some(format!(
        "write `{verb} not` instead of `{verb} no {noun}`, or `there {verb} no`"
    ))
}

fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut is_joined = false;
    for (index, line) in text.lines().enumerate() {
        let line = without_code_spans(line);
        let mut rest = line.trim_start().trim_start_matches(['/', '!', '*', '>']);
        while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic()) {
            is_joined &= rest[..start].chars().all(|c| c.is_whitespace() || c == '_');
            let word = &rest[start..];
            let end = word.find(|c: char| !c.is_ascii_alphabetic() && c != '\'');
            let (word, after) = word.split_at(end.unwrap_or(word.len()));
            for part in camel_case_parts(word) {
                words.push(Word {
                    text: part.to_ascii_lowercase(),
                    line: index + 1,
                    is_joined,
                });
                is_joined = true;
            }
            rest = after;
        }
        is_joined &= rest.trim().is_empty();
    }
    words
}

/// Replaces text in backticks by one word that is not refused.
fn without_code_spans(line: &str) -> String {
    if line.matches('`').count() % 2 == 1 {
        return line.to_owned();
    }
    line.split('`')
        .enumerate()
        .map(|(index, part)| if index % 2 == 1 { "code" } else { part })
        .collect()
}

fn camel_case_parts(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let lower = rest
            .find(|c: char| c.is_ascii_lowercase())
            .unwrap_or(rest.len());
        let upper = rest[lower..].find(|c: char| c.is_ascii_uppercase());
        let (part, after) = rest.split_at(upper.map_or(rest.len(), |upper| lower + upper));
        rest = after;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<String> {
        check(&Repository::from([("src/a.rs", text)]))
            .iter()
            .map(Finding::to_string)
            .collect()
    }

    #[test]
    fn finds_refused_words_in_comments_strings_and_identifiers() {
        for text in [
            "// as told by the user\n",
            "let message = \"told\";\n",
            "fn told_status() {}\n",
            "struct NotTold;\n",
            "/// Sends it to the\n/// peer.\n",
            "fn front_door() {}\n",
        ] {
            assert_eq!(findings(text).len(), 1, "{text}");
        }
        assert_eq!(
            findings("//! A.\n// lent\n"),
            ["src/a.rs:2: `lent` is not used here: write `borrowed`"]
        );
    }

    #[test]
    fn accepts_other_words_and_code_in_backticks() {
        for text in [
            "// talented violent doorway untold\n",
            "// the flag `told` of `the peer`\n",
            "// the: peer\n",
        ] {
            assert_eq!(findings(text), [] as [&str; 0], "{text}");
        }
    }

    #[test]
    fn finds_negated_nouns() {
        assert_eq!(
            findings("// the file is no module\n"),
            ["src/a.rs:1: write `is not` instead of `is no module`, or `there is no`"]
        );
        for text in [
            "/// it is\n/// no module\n",
            "fn is_no_module() {}\n",
            "// they are no `A`s\n",
        ] {
            assert_eq!(findings(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn accepts_statements_of_absence_and_comparisons() {
        for text in [
            "// if there is no module, and there\n// are no rules\n",
            "// it is no longer used, and is no more than 5\n",
            "// the answer is no: never\n",
        ] {
            assert_eq!(findings(text), [] as [&str; 0], "{text}");
        }
    }
}
