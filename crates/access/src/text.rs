//! Text from modules, made fit for terminals, headers and logs.

/// Characters that do something to a terminal, or to the order in which others are read (UAX #9), instead of being read.
fn is_unfit(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The text without control characters on one line of at most `max` characters; longer text ends in `…`.
#[must_use]
pub fn line(text: &str, max: usize) -> String {
    let mut words = text.split(|c: char| is_unfit(c) || c == ' ');
    let mut line = String::new();
    for word in words.by_ref().filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    cut(line, max)
}

/// The text without control characters other than line breaks and tabs, at most `max` characters long.
pub(crate) fn paragraph(text: &str, max: usize) -> String {
    let text: String = text
        .chars()
        .filter(|c| !is_unfit(*c) || matches!(c, '\n' | '\t'))
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
    fn a_line_has_no_control_characters_and_is_cut_by_characters() {
        assert_eq!(line(" a\r\n\tb\u{7}  c ", 10), "a b c");
        assert_eq!(line("äöüß", 4), "äöüß");
        assert_eq!(line("äöüßx", 4), "äöü…");
        assert_eq!(line("\u{1b}[31m", 9), "[31m");
    }

    #[test]
    fn a_paragraph_keeps_its_lines() {
        assert_eq!(paragraph("a\n\tb\u{0}\r\n", 10), "a\n\tb");
        assert_eq!(paragraph("abcdef", 3), "ab…");
    }
}
