//! Go's time layouts: the representation of a reference time.

use super::civil::Civil;
use crate::Error;
use crate::output::Output;

/// A parsed layout.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    pub(super) elements: Vec<Element<'a>>,
}

/// An element of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element<'a> {
    Literal(&'a str),
    Year(Digits),
    ShortYear,
    MonthName,
    ShortMonthName,
    Month(Digits),
    WeekdayName,
    ShortWeekdayName,
    Day(Digits),
    DayOfYear(Digits),
    Hour,
    Hour12(Digits),
    Minute(Digits),
    Second(Digits),
    /// The separator, the number of digits, and true if trailing zeros are omitted.
    Fraction(char, usize, bool),
    /// AM or PM; true for capitals.
    Noon(bool),
    Abbreviation,
    Offset(Offset),
}

/// The padding of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Digits {
    AsNeeded,
    Zeros,
    Spaces,
}

/// The format of an offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offset {
    /// True if UTC is written as `Z`.
    pub(super) letter: bool,
    pub(super) colons: bool,
    pub(super) minutes: bool,
    pub(super) seconds: bool,
}

impl Offset {
    /// Parses the offset of a layout, such as `Z07:00`.
    fn from_layout(text: &str) -> Self {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        Self {
            letter: text.starts_with('Z'),
            colons: text.contains(':'),
            minutes: digits > 2,
            seconds: digits > 4,
        }
    }
}

/// The texts of the reference time. The first match wins.
const EXAMPLES: [(&str, Element<'static>); 23] = [
    ("January", Element::MonthName),
    ("Jan", Element::ShortMonthName),
    ("Monday", Element::WeekdayName),
    ("Mon", Element::ShortWeekdayName),
    ("MST", Element::Abbreviation),
    ("01", Element::Month(Digits::Zeros)),
    ("02", Element::Day(Digits::Zeros)),
    ("03", Element::Hour12(Digits::Zeros)),
    ("04", Element::Minute(Digits::Zeros)),
    ("05", Element::Second(Digits::Zeros)),
    ("06", Element::ShortYear),
    ("002", Element::DayOfYear(Digits::Zeros)),
    ("15", Element::Hour),
    ("1", Element::Month(Digits::AsNeeded)),
    ("2006", Element::Year(Digits::Zeros)),
    ("2", Element::Day(Digits::AsNeeded)),
    ("__2", Element::DayOfYear(Digits::Spaces)),
    ("_2", Element::Day(Digits::Spaces)),
    ("3", Element::Hour12(Digits::AsNeeded)),
    ("4", Element::Minute(Digits::AsNeeded)),
    ("5", Element::Second(Digits::AsNeeded)),
    ("PM", Element::Noon(true)),
    ("pm", Element::Noon(false)),
];

/// The formats of an offset from UTC. The first match wins.
const OFFSETS: [&str; 10] = [
    "-070000",
    "-07:00:00",
    "-0700",
    "-07:00",
    "-07",
    "Z070000",
    "Z07:00:00",
    "Z0700",
    "Z07:00",
    "Z07",
];

impl<'a> Layout<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut elements = Vec::new();
        let mut literal = 0;
        let mut at = 0;
        while let Some(rest) = text.get(at..)
            && let Some(char) = rest.chars().next()
        {
            match element(rest) {
                Some((element, length)) => {
                    if let Some(before) = text.get(literal..at).filter(|text| !text.is_empty()) {
                        elements.push(Element::Literal(before));
                    }
                    elements.push(element);
                    at += length;
                    literal = at;
                }
                None => at += char.len_utf8(),
            }
        }
        if let Some(rest) = text.get(literal..).filter(|text| !text.is_empty()) {
            elements.push(Element::Literal(rest));
        }
        Self { elements }
    }

    /// Formats a time.
    pub(super) fn format(&self, time: &Civil) -> Result<String, Error> {
        let mut output = Output::default();
        for element in &self.elements {
            element.write(time, &mut output)?;
        }
        Ok(output.finish())
    }
}

/// Returns the element at the start of a text, and its length.
fn element(text: &str) -> Option<(Element<'_>, usize)> {
    // An underscore before a four-digit year is literal.
    if text.starts_with("_2006") {
        return None;
    }
    offset(text)
        .or_else(|| fraction(text))
        .or_else(|| example(text))
}

fn offset(text: &str) -> Option<(Element<'_>, usize)> {
    let offset = OFFSETS.iter().find(|offset| text.starts_with(**offset))?;
    Some((Element::Offset(Offset::from_layout(offset)), offset.len()))
}

fn example(text: &str) -> Option<(Element<'_>, usize)> {
    EXAMPLES
        .iter()
        .find(|(example, element)| text.starts_with(example) && fits(text, example, *element))
        .map(|(example, element)| (*element, example.len()))
}

/// Returns whether an example matches. A short name does not if the word continues, as in `Janet`.
fn fits(text: &str, example: &str, element: Element) -> bool {
    let is_short = matches!(element, Element::ShortMonthName | Element::ShortWeekdayName);
    let next = text.as_bytes().get(example.len());
    !(is_short && next.is_some_and(u8::is_ascii_lowercase))
}

/// Parses a separator and zeros or nines that are not followed by another digit.
fn fraction(text: &str) -> Option<(Element<'_>, usize)> {
    let mut chars = text.chars();
    let separator = chars.next().filter(|char| matches!(char, '.' | ','))?;
    let digit = chars.next().filter(|digit| matches!(digit, '0' | '9'))?;
    let digits = text
        .chars()
        .skip(1)
        .take_while(|char| *char == digit)
        .count();
    let next = text.as_bytes().get(1 + digits);
    if next.is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some((
        Element::Fraction(separator, digits, digit == '9'),
        1 + digits,
    ))
}

impl Element<'_> {
    fn write(&self, time: &Civil, output: &mut Output) -> Result<(), Error> {
        let short = |name: &'static str| name.get(..3).unwrap_or(name);
        let (date, clock) = (time.datetime.date(), time.datetime.time());
        let hour12 = (clock.hour() + 11) % 12 + 1;
        match self {
            Self::Literal(text) => output.push(text),
            Self::Year(_) => output.push(&format!("{:04}", date.year())),
            Self::ShortYear => output.push(&format!("{:02}", date.year().abs() % 100)),
            Self::MonthName => output.push(time.month_name()),
            Self::ShortMonthName => output.push(short(time.month_name())),
            Self::Month(digits) => number(date.month(), 2, *digits, output),
            Self::WeekdayName => output.push(time.weekday()),
            Self::ShortWeekdayName => output.push(short(time.weekday())),
            Self::Day(digits) => number(date.day(), 2, *digits, output),
            Self::DayOfYear(digits) => number(date.day_of_year(), 3, *digits, output),
            Self::Hour => number(clock.hour(), 2, Digits::Zeros, output),
            Self::Hour12(digits) => number(hour12, 2, *digits, output),
            Self::Minute(digits) => number(clock.minute(), 2, *digits, output),
            Self::Second(digits) => number(clock.second(), 2, *digits, output),
            Self::Fraction(separator, digits, trimmed) => write_fraction(
                clock.subsec_nanosecond(),
                *separator,
                *digits,
                *trimmed,
                output,
            ),
            Self::Noon(capital) => output.push(match (clock.hour() >= 12, capital) {
                (false, true) => "AM",
                (true, true) => "PM",
                (false, false) => "am",
                (true, false) => "pm",
            }),
            Self::Abbreviation => output.push(&time.abbreviation),
            Self::Offset(offset) => offset.write(time.offset, output),
        }
    }
}

fn number(
    number: impl Into<i64>,
    width: usize,
    digits: Digits,
    output: &mut Output,
) -> Result<(), Error> {
    let number = number.into();
    output.push(&match digits {
        Digits::AsNeeded => format!("{number}"),
        Digits::Zeros => format!("{number:0width$}"),
        Digits::Spaces => format!("{number:width$}"),
    })
}

fn write_fraction(
    nanosecond: i32,
    separator: char,
    digits: usize,
    trimmed: bool,
    output: &mut Output,
) -> Result<(), Error> {
    let text = format!("{nanosecond:09}");
    let shown = text.get(..digits.min(9)).unwrap_or(&text);
    let shown = if trimmed {
        shown.trim_end_matches('0')
    } else {
        shown
    };
    if trimmed && shown.is_empty() {
        return Ok(());
    }
    output.push_char(separator)?;
    output.push(shown)
}

impl Offset {
    fn write(self, offset: i64, output: &mut Output) -> Result<(), Error> {
        if self.letter && offset == 0 {
            return output.push("Z");
        }
        let colon = if self.colons { ":" } else { "" };
        // Go derives the sign from whole minutes.
        output.push(if offset <= -60 { "-" } else { "+" })?;
        let (minutes, seconds) = (offset.abs() / 60, offset.abs() % 60);
        output.push(&format!("{:02}", minutes / 60))?;
        if self.minutes {
            output.push(&format!("{colon}{:02}", minutes % 60))?;
        }
        if self.seconds {
            output.push(&format!("{colon}{seconds:02}"))?;
        }
        Ok(())
    }
}
