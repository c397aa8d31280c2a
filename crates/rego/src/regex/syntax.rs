//! Translation of Go's regular expressions (<https://pkg.go.dev/regexp/syntax>) to the syntax of
//! the `regex` crate.
//!
//! The two syntaxes are similar. The differences:
//!
//! * `\d`, `\s`, `\w` and `\b` match ASCII only in Go.
//! * `\Q…\E`, octal escapes and `\p{^…}` exist in Go only.
//! * A brace that is not a repetition, and a bracket or `&&` in a class, are literal in Go.
//! * Go rejects the repetition of a repetition.
//!
//! Go also limits the product of nested repetitions. Here the size of the compiled pattern is
//! limited instead.

use std::iter::Peekable;
use std::str::Chars;

use crate::Error;
use crate::limits::MAX_PATTERN_GROUPS;

/// The largest count of a repetition in Go.
const MAX_REPEAT: u32 = 1000;

/// The names of ASCII character classes.
const CLASS_NAMES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// Translates a pattern to the syntax of the `regex` crate.
pub(super) fn translate(pattern: &str) -> Result<String, Error> {
    let mut translator = Translator {
        input: pattern.chars().peekable(),
        output: String::with_capacity(pattern.len()),
        depth: 0,
    };
    translator.pattern()?;
    Ok(translator.output)
}

struct Translator<'a> {
    input: Peekable<Chars<'a>>,
    output: String,
    /// The number of open groups.
    depth: usize,
}

impl Translator<'_> {
    fn pattern(&mut self) -> Result<(), Error> {
        let mut repeated = false;
        while let Some(char) = self.input.next() {
            let repeats = match char {
                '*' | '+' | '?' => {
                    self.output.push(char);
                    true
                }
                '{' => self.braces()?,
                _ => false,
            };
            if repeats {
                if repeated {
                    return Err(Error::invalid("a repetition follows a repetition"));
                }
                if self.input.next_if_eq(&'?').is_some() {
                    self.output.push('?');
                }
            } else if char != '{' {
                self.item(char)?;
            }
            repeated = repeats;
        }
        Ok(())
    }

    fn item(&mut self, char: char) -> Result<(), Error> {
        match char {
            '\\' => self.escape()?,
            '[' => self.class()?,
            '(' => self.group()?,
            ')' => {
                self.depth = self.depth.saturating_sub(1);
                self.output.push(char);
            }
            '|' | '.' | '^' | '$' => self.output.push(char),
            _ => self.literal(char),
        }
        Ok(())
    }

    /// Writes a literal character, valid inside and outside of classes.
    fn literal(&mut self, char: char) {
        if char.is_ascii_alphanumeric() {
            self.output.push(char);
        } else {
            self.output
                .push_str(&format!("\\x{{{:X}}}", u32::from(char)));
        }
    }

    /// Translates a repetition after its opening brace. Returns false if the brace is literal.
    fn braces(&mut self) -> Result<bool, Error> {
        let before = self.input.clone();
        let text = self.until('}').unwrap_or_default();
        let (least, most) = text
            .split_once(',')
            .map_or((text.as_str(), None), |(a, b)| (a, Some(b)));
        let is_count = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_digit())
                && (text.len() == 1 || !text.starts_with('0'))
        };
        let most = most.filter(|most| !most.is_empty());
        if !is_count(least) || !most.is_none_or(is_count) {
            self.input = before;
            self.literal('{');
            return Ok(false);
        }
        let count = |text: &str| text.parse().ok().filter(|count: &u32| *count <= MAX_REPEAT);
        let bounds = (count(least), most.map(count));
        match bounds {
            (Some(_), None) => {}
            (Some(least), Some(Some(most))) if least <= most => {}
            _ => return Err(Error::invalid("a repetition has an invalid count")),
        }
        self.output.push_str(&format!("{{{text}}}"));
        Ok(true)
    }

    /// Translates the start of a group after its parenthesis: flags, a name, or neither.
    fn group(&mut self) -> Result<(), Error> {
        self.output.push('(');
        self.depth += 1;
        if self.depth > MAX_PATTERN_GROUPS {
            return Err(Error::TooLarge {
                what: "the number of nested groups in a regular expression",
                max: MAX_PATTERN_GROUPS,
            });
        }
        if self.input.next_if_eq(&'?').is_none() {
            return Ok(());
        }
        self.output.push('?');
        let named = self.input.next_if_eq(&'P').is_some();
        if self.input.next_if_eq(&'<').is_some() {
            self.output.push_str("P<");
            return self.name();
        }
        if named {
            return Err(Error::invalid("a group has an invalid name"));
        }
        for char in self.input.by_ref() {
            self.output.push(char);
            match char {
                'i' | 'm' | 's' | 'U' | '-' => {}
                ':' => return Ok(()),
                ')' => {
                    self.depth -= 1;
                    return Ok(());
                }
                _ => break,
            }
        }
        Err(Error::invalid("a group has an invalid flag"))
    }

    fn name(&mut self) -> Result<(), Error> {
        for char in self.input.by_ref() {
            self.output.push(char);
            match char {
                '>' => return Ok(()),
                '_' => {}
                _ if char.is_ascii_alphanumeric() => {}
                _ => break,
            }
        }
        Err(Error::invalid("a group has an invalid name"))
    }

    /// Translates an escape outside of a class, after its backslash.
    fn escape(&mut self) -> Result<(), Error> {
        match self.input.peek() {
            Some('A' | 'z') => {
                self.output.push('\\');
                self.output.extend(self.input.next());
            }
            Some('b') => self.word_boundary("(?-u:\\b)"),
            Some('B') => self.word_boundary("(?-u:\\B)"),
            Some('Q') => self.quotation(),
            _ => match self.class_escape()? {
                Some(set) => self.output.push_str(&set),
                None => {
                    let char = self.character_escape()?;
                    self.literal(char);
                }
            },
        }
        Ok(())
    }

    fn word_boundary(&mut self, assertion: &str) {
        self.input.next();
        self.output.push_str(assertion);
    }

    /// Translates `\Q` and the literal text up to `\E` or the end.
    fn quotation(&mut self) {
        self.input.next();
        while let Some(char) = self.input.next() {
            if char == '\\' && self.input.next_if_eq(&'E').is_some() {
                return;
            }
            self.literal(char);
        }
    }

    /// Translates the escape of a character set, such as `\d` or `\pL`, to a class.
    fn class_escape(&mut self) -> Result<Option<String>, Error> {
        let set = match self.input.peek() {
            Some('d') => "[0-9]",
            Some('D') => "[^0-9]",
            Some('s') => "[\\t\\n\\x0C\\r\\x20]",
            Some('S') => "[^\\t\\n\\x0C\\r\\x20]",
            Some('w') => "[0-9A-Za-z_]",
            Some('W') => "[^0-9A-Za-z_]",
            Some('p' | 'P') => return self.property().map(Some),
            _ => return Ok(None),
        };
        self.input.next();
        Ok(Some(set.to_owned()))
    }

    fn property(&mut self) -> Result<String, Error> {
        let invalid = || Error::invalid("a character property has an invalid name");
        let mut negated = self.input.next() == Some('P');
        let mut name = match self.input.next() {
            Some('{') => self.until('}').ok_or_else(invalid)?,
            Some(char) => String::from(char),
            None => return Err(invalid()),
        };
        if name.starts_with('^') {
            negated = !negated;
            name.remove(0);
        }
        if name.is_empty()
            || !name
                .chars()
                .all(|char| char == '_' || char.is_ascii_alphanumeric())
        {
            return Err(invalid());
        }
        Ok(format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' }))
    }

    /// Reads the escape of a single character, after its backslash.
    fn character_escape(&mut self) -> Result<char, Error> {
        let invalid = || Error::invalid("an escape sequence is invalid");
        let char = self.input.next().ok_or_else(invalid)?;
        match char {
            'a' => Ok('\x07'),
            'f' => Ok('\x0C'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\x0B'),
            'x' => self.hexadecimal().ok_or_else(invalid),
            '1'..='7' if !matches!(self.input.peek(), Some('0'..='7')) => Err(invalid()),
            '0'..='7' => {
                let mut code = char.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = self.input.peek().and_then(|digit| digit.to_digit(8)) else {
                        break;
                    };
                    self.input.next();
                    code = code * 8 + digit;
                }
                char::from_u32(code).ok_or_else(invalid)
            }
            _ if char.is_ascii() && !char.is_ascii_alphanumeric() => Ok(char),
            _ => Err(invalid()),
        }
    }

    /// Reads the digits after `\x`: two, or any number in braces.
    fn hexadecimal(&mut self) -> Option<char> {
        let digits = match self.input.next_if_eq(&'{') {
            Some(_) => self.until('}').filter(|digits| !digits.is_empty())?,
            None => {
                let digits: String = self.input.by_ref().take(2).collect();
                Some(digits).filter(|digits| digits.len() == 2)?
            }
        };
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        u32::from_str_radix(&digits, 16)
            .ok()
            .and_then(char::from_u32)
    }

    /// Reads the text up to and including a character. Reads nothing if the character is missing.
    fn until(&mut self, end: char) -> Option<String> {
        let mut ahead = self.input.clone();
        let mut text = String::new();
        loop {
            match ahead.next()? {
                char if char == end => break,
                char => text.push(char),
            }
        }
        self.input = ahead;
        Some(text)
    }

    /// Translates a class after its opening bracket. All characters are literal except in escapes,
    /// ranges and `[:name:]`.
    fn class(&mut self) -> Result<(), Error> {
        self.output.push('[');
        if self.input.next_if_eq(&'^').is_some() {
            self.output.push('^');
        }
        let mut first = true;
        loop {
            let missing = || Error::invalid("a character class is not closed");
            let char = self.input.next().ok_or_else(missing)?;
            if char == ']' && !first {
                break;
            }
            first = false;
            if char == '[' && self.named_class()? {
                continue;
            }
            if char == '\\'
                && let Some(set) = self.class_escape()?
            {
                self.output.push_str(&set);
                continue;
            }
            self.range(char)?;
        }
        self.output.push(']');
        Ok(())
    }

    /// Translates a character in a class, or a range that begins with it.
    fn range(&mut self, first: char) -> Result<(), Error> {
        let low = self.class_character(first)?;
        self.literal(low);
        let mut ahead = self.input.clone();
        if ahead.next() != Some('-') || matches!(ahead.peek(), None | Some(']')) {
            return Ok(());
        }
        self.input = ahead;
        let invalid = || Error::invalid("a character range is invalid");
        let second = self.input.next().ok_or_else(invalid)?;
        let high = self.class_character(second)?;
        if high < low {
            return Err(invalid());
        }
        self.output.push('-');
        self.literal(high);
        Ok(())
    }

    fn class_character(&mut self, char: char) -> Result<char, Error> {
        match char {
            '\\' => self.character_escape(),
            _ => Ok(char),
        }
    }

    /// Translates `[:name:]` after its bracket. Returns false if the bracket is literal.
    fn named_class(&mut self) -> Result<bool, Error> {
        let mut ahead = self.input.clone();
        if ahead.next() != Some(':') {
            return Ok(false);
        }
        let name: String = ahead.by_ref().take_while(|char| *char != ':').collect();
        if ahead.next() != Some(']') {
            return Ok(false);
        }
        if !CLASS_NAMES.contains(&name.trim_start_matches('^')) {
            return Err(Error::invalid("a character class has an invalid name"));
        }
        self.output.push_str(&format!("[:{name}:]"));
        self.input = ahead;
        Ok(true)
    }
}
