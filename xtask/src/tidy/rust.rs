//! A minimal lexer for Rust that separates code from comments and literals.

/// A Rust source file.
pub struct Source<'a> {
    /// The code, line by line. Comments and the content of literals are replaced by spaces.
    pub code: Vec<String>,
    /// The documentation comments in their order.
    pub docs: Vec<Doc<'a>>,
    /// Index of the first line of the module of unit tests; the number of lines if it has none.
    pub tests_start: usize,
}

/// A documentation comment: consecutive lines that begin with `///` or `//!`.
#[derive(Debug, PartialEq, Eq)]
pub struct Doc<'a> {
    /// Index of its first line.
    pub start: usize,
    /// Index of the line after it.
    pub end: usize,
    /// `///` or `//!`.
    pub marker: &'a str,
    /// The text of its first line.
    pub first_line: &'a str,
}

impl<'a> Source<'a> {
    /// Splits a file.
    pub fn parse(text: &'a str) -> Self {
        let (code, comments) = mask(text);
        let code: Vec<String> = code.lines().map(str::to_owned).collect();
        let docs = docs(text, &comments);
        let tests_start = (0..code.len())
            .find(|&index| code[index].trim() == "#[cfg(test)]" && opens_module(&code, index + 1))
            .unwrap_or(code.len());
        Self {
            code,
            docs,
            tests_start,
        }
    }

    /// Returns the item that follows a documentation comment, without its attributes.
    pub fn item_after(&self, doc: &Doc<'_>) -> &str {
        let mut depth = 0_usize;
        for line in self.code.get(doc.end..).unwrap_or_default() {
            let line = line.trim();
            if depth > 0 || line.starts_with("#[") {
                let closed = line.matches(']').count();
                depth = (depth + line.matches('[').count()).saturating_sub(closed);
            } else if !line.is_empty() {
                return line;
            }
        }
        ""
    }
}

fn opens_module(code: &[String], index: usize) -> bool {
    code.get(index)
        .is_some_and(|line| line.starts_with("mod ") && line.ends_with('{'))
}

fn docs<'a>(text: &'a str, comments: &[usize]) -> Vec<Doc<'a>> {
    let mut docs: Vec<Doc<'a>> = Vec::new();
    let mut start = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let trimmed = line.trim_start();
        let offset = start + line.len() - trimmed.len();
        start += line.len();
        let Some(marker) = trimmed.get(..3).filter(|it| matches!(*it, "///" | "//!")) else {
            continue;
        };
        if trimmed.starts_with("////") || comments.binary_search(&offset).is_err() {
            continue;
        }
        match docs.last_mut() {
            Some(doc) if doc.end == index && doc.marker == marker => doc.end += 1,
            _ => docs.push(Doc {
                start: index,
                end: index + 1,
                marker,
                first_line: trimmed[3..].trim(),
            }),
        }
    }
    docs
}

/// Replaces comments and the content of literals by spaces. Returns the result and the offsets of
/// the line comments.
fn mask(text: &str) -> (String, Vec<usize>) {
    let mut masked = text.as_bytes().to_vec();
    let mut comments = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        // The lengths of the opening delimiter, the masked content and the closing delimiter.
        let (open, content, close) = match rest {
            [b'/', b'/', ..] => {
                comments.push(at);
                let length = rest.iter().position(|byte| *byte == b'\n');
                (0, length.unwrap_or(rest.len()), 0)
            }
            [b'/', b'*', ..] => (0, block_comment(rest), 0),
            [b'"', ..] => (1, string(&rest[1..]), 1),
            [b'r', ..] if !follows_identifier(text, at) => raw_string(rest),
            [b'\'', ..] => character(&text[at + 1..]).map_or((1, 0, 0), |length| (1, length, 1)),
            _ => (1, 0, 0),
        };
        for byte in &mut masked[at + open..at + open + content] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at += open + content + close;
    }
    (String::from_utf8_lossy(&masked).into_owned(), comments)
}

/// Returns whether an `r` is part of an identifier; the prefixes `b` and `c` of a literal are not.
fn follows_identifier(text: &str, at: usize) -> bool {
    let before = text[..at].trim_end_matches(['b', 'c']);
    before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// Returns the length of a block comment, which may be nested.
fn block_comment(text: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < text.len() {
        match text[at..] {
            [b'/', b'*', ..] => (at, depth) = (at + 2, depth + 1),
            [b'*', b'/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Returns the length of the content of a string literal.
fn string(content: &[u8]) -> usize {
    let mut at = 0;
    while at < content.len() && content[at] != b'"' {
        at += if content[at] == b'\\' { 2 } else { 1 };
    }
    at.min(content.len())
}

/// Returns the lengths of the opening delimiter, the content and the closing delimiter of a raw
/// string, or `(1, 0, 0)` if the `r` does not begin one.
fn raw_string(text: &[u8]) -> (usize, usize, usize) {
    let hashes = text[1..].iter().take_while(|byte| **byte == b'#').count();
    if text.get(1 + hashes) != Some(&b'"') {
        return (1, 0, 0);
    }
    let content = &text[hashes + 2..];
    let close = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
    match content.windows(close.len()).position(|part| part == close) {
        Some(length) => (hashes + 2, length, close.len()),
        None => (hashes + 2, content.len(), 0),
    }
}

/// Returns the length of the content of a character literal, or `None` for a lifetime.
fn character(content: &str) -> Option<usize> {
    let mut characters = content.char_indices();
    if characters.next()?.1 == '\\' {
        return Some(content.get(2..)?.find('\'')? + 2);
    }
    let (length, next) = characters.next()?;
    (next == '\'').then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_comments_and_literals() {
        let code = |text: &str| mask(text).0;
        assert_eq!(code("a // b\nc"), "a     \nc");
        assert_eq!(code("a /* b /* c */ d */ e"), "a                   e");
        assert_eq!(code(r#"f("a // \" b") // c"#), r#"f("         ")     "#);
        assert_eq!(code("r\"{\"; br#\"}\"#; { for"), "r\" \"; br#\" \"#; { for");
        assert_eq!(
            code("r#\"\"#; '{'; '\\''; 'a: b"),
            "r#\"\"#; ' '; '  '; 'a: b"
        );
        assert_eq!(code("\"\"; \"x\"; r"), "\"\"; \" \"; r");
    }

    #[test]
    fn finds_documentation_and_the_item_that_follows() {
        let text = "//! File.\n\n/// A type.\n/// Rest.\n#[derive(\n    Debug,\n)]\npub struct A;\n\
            const B: &str = \"\n/// text\n\";\n";
        let source = Source::parse(text);
        let [file, item] = &source.docs[..] else {
            panic!("{:?}", source.docs)
        };
        assert_eq!((file.marker, file.first_line), ("//!", "File."));
        assert_eq!((item.start, item.end), (2, 4));
        assert_eq!(source.item_after(item), "pub struct A;");
    }

    #[test]
    fn finds_the_module_of_unit_tests() {
        let start = |text: &str| Source::parse(text).tests_start;
        assert_eq!(start("fn a() {}\n#[cfg(test)]\nmod tests {\n}\n"), 1);
        assert_eq!(start("#[cfg(test)]\nmod tests;\nfn a() {}\n"), 3);
        assert_eq!(start("#[cfg(test)]\nimpl A {}\n"), 2);
    }
}
