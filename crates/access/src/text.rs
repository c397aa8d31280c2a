//! Sanitized text from modules and clients, for terminals, headers and logs.

/// Returns whether a character controls a terminal or the direction of text (UAX #9).
fn is_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Returns the text without control characters on one line of at most `max` characters. Longer text
/// ends in `…`.
#[must_use]
pub fn line(text: &str, max: usize) -> String {
    let mut words = text.split(|c: char| is_control(c) || c == ' ');
    let mut line = String::new();
    for word in words.by_ref().filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    cut(line, max)
}

/// Returns the text without control characters other than line breaks and tabs, cut to `max`
/// characters.
pub(crate) fn paragraph(text: &str, max: usize) -> String {
    let text: String = text
        .chars()
        .filter(|c| !is_control(*c) || matches!(c, '\n' | '\t'))
        .collect();
    cut(text.trim().to_owned(), max)
}

fn cut(mut text: String, max: usize) -> String {
    if text.chars().count() > max {
        let end = text
            .char_indices()
            .nth(max.saturating_sub(1))
            .map_or(0, |(index, _)| index);
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_removes_control_characters_and_truncates() {
        assert_eq!(line(" a\r\n\tb\u{7}  c ", 10), "a b c");
        assert_eq!(line("äöüß", 4), "äöüß");
        assert_eq!(line("äöüßx", 4), "äöü…");
        assert_eq!(line("\u{1b}[31m", 9), "[31m");
    }

    #[test]
    fn paragraph_keeps_line_breaks() {
        assert_eq!(paragraph("a\n\tb\u{0}\r\n", 10), "a\n\tb");
        assert_eq!(paragraph("abcdef", 3), "ab…");
    }
}
