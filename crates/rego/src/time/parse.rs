//! Parsing of times in a layout.

use jiff::civil::{Date, Time};

use super::civil::{MONTHS, WEEKDAYS, nanoseconds, seconds_as_in_utc};
use super::layout::{Digits, Element, Layout, Offset};
use crate::Error;

/// Parses a time to nanoseconds since 1970.
pub(super) fn parse(layout: &Layout, text: &str) -> Result<i64, Error> {
    let mut reader = Reader {
        rest: text,
        parts: Parts::default(),
    };
    for (index, element) in layout.elements.iter().enumerate() {
        let next = layout.elements.get(index + 1);
        reader.element(*element, next).ok_or_else(malformed)?;
    }
    if !reader.rest.is_empty() {
        return Err(malformed());
    }
    reader.parts.resolve()
}

fn malformed() -> Error {
    Error::invalid("the time does not match its layout or does not exist")
}

/// The parts of the time that have been read.
#[derive(Debug, Default)]
struct Parts {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanosecond: i64,
    after_noon: Option<bool>,
    /// The offset from UTC in seconds.
    offset: i64,
}

struct Reader<'a> {
    rest: &'a str,
    parts: Parts,
}

impl Reader<'_> {
    fn element(&mut self, element: Element, next: Option<&Element>) -> Option<()> {
        match element {
            Element::Literal(text) => self.literal(text)?,
            Element::Year(_) => self.parts.year = self.digits(4)?,
            Element::ShortYear => {
                let year = self.digits(2)?;
                self.parts.year = year + if year >= 69 { 1900 } else { 2000 };
            }
            Element::MonthName => self.parts.month = Some(self.name(&MONTHS, false)? + 1),
            Element::ShortMonthName => self.parts.month = Some(self.name(&MONTHS, true)? + 1),
            Element::Month(digits) => {
                let month = self.number(2, digits)?;
                self.parts.month = Some(month).filter(|month| (1..=12).contains(month));
                self.parts.month?;
            }
            Element::WeekdayName => drop(self.name(&WEEKDAYS, false)?),
            Element::ShortWeekdayName => drop(self.name(&WEEKDAYS, true)?),
            Element::Day(digits) => self.parts.day = Some(self.number(2, digits)?),
            Element::DayOfYear(digits) => self.parts.day_of_year = Some(self.number(3, digits)?),
            Element::Hour => self.parts.hour = below(self.number(2, Digits::AsNeeded)?, 24)?,
            Element::Hour12(digits) => self.parts.hour = below(self.number(2, digits)?, 13)?,
            Element::Minute(digits) => self.parts.minute = below(self.number(2, digits)?, 60)?,
            Element::Second(digits) => {
                self.parts.second = below(self.number(2, digits)?, 60)?;
                if !matches!(next, Some(Element::Fraction(..))) {
                    self.optional_fraction()?;
                }
            }
            Element::Fraction(_, _, true) => self.optional_fraction()?,
            Element::Fraction(_, digits, false) => self.fraction(digits)?,
            Element::Noon(capital) => self.noon(capital)?,
            Element::Abbreviation => self.abbreviation()?,
            Element::Offset(offset) => self.offset(offset)?,
        }
        Some(())
    }

    /// Reads a literal. Spaces match any number of spaces, and none at the end of the text.
    fn literal(&mut self, text: &str) -> Option<()> {
        let mut expected = text;
        while let Some(char) = expected.chars().next() {
            if char == ' ' {
                if !self.rest.is_empty() && !self.rest.starts_with(' ') {
                    return None;
                }
                expected = expected.trim_start_matches(' ');
                self.rest = self.rest.trim_start_matches(' ');
            } else {
                self.rest = self.rest.strip_prefix(char)?;
                expected = expected.strip_prefix(char)?;
            }
        }
        Some(())
    }

    /// Reads exactly `count` digits.
    fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.rest.split_at_checked(count)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        self.rest = rest;
        digits.parse().ok()
    }

    /// Reads up to `width` digits; exactly `width` if the number is padded with zeros.
    fn number(&mut self, width: usize, digits: Digits) -> Option<i64> {
        if digits == Digits::Spaces {
            for _ in 1..width {
                self.rest = self.rest.strip_prefix(' ').unwrap_or(self.rest);
            }
        }
        let found = self
            .rest
            .bytes()
            .take(width)
            .take_while(u8::is_ascii_digit)
            .count();
        let enough = match digits {
            Digits::Zeros => found == width,
            _ => found > 0,
        };
        if enough { self.digits(found) } else { None }
    }

    /// Reads one of the names, case-insensitively, and returns its index.
    fn name(&mut self, names: &[&str], short: bool) -> Option<i64> {
        let names = names.iter().map(|name| {
            if short {
                name.get(..3).unwrap_or(name)
            } else {
                name
            }
        });
        for (index, name) in names.enumerate() {
            if let Some((word, rest)) = self.rest.split_at_checked(name.len())
                && word.eq_ignore_ascii_case(name)
            {
                self.rest = rest;
                return i64::try_from(index).ok();
            }
        }
        None
    }

    /// Reads a separator and any number of digits, or nothing.
    fn optional_fraction(&mut self) -> Option<()> {
        let Some(after) = self.rest.strip_prefix(['.', ',']) else {
            return Some(());
        };
        match after.bytes().take_while(u8::is_ascii_digit).count() {
            0 => Some(()),
            digits => self.fraction(digits),
        }
    }

    /// Reads a separator and exactly `digits` digits, of which the first nine are significant.
    fn fraction(&mut self, digits: usize) -> Option<()> {
        let after = self.rest.strip_prefix(['.', ','])?;
        let (text, rest) = after.split_at_checked(digits)?;
        let counted = text.get(..9).unwrap_or(text);
        if !counted.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        self.parts.nanosecond = format!("{counted:0<9}").parse().ok()?;
        self.rest = rest;
        Some(())
    }

    fn noon(&mut self, capital: bool) -> Option<()> {
        let (word, rest) = self.rest.split_at_checked(2)?;
        self.parts.after_noon = Some(match (word, capital) {
            ("AM", true) | ("am", false) => false,
            ("PM", true) | ("pm", false) => true,
            _ => return None,
        });
        self.rest = rest;
        Some(())
    }

    fn offset(&mut self, offset: Offset) -> Option<()> {
        if offset.letter
            && let Some(rest) = self.rest.strip_prefix('Z')
        {
            self.rest = rest;
            return Some(());
        }
        let negative = self.rest.starts_with('-');
        self.rest = self.rest.strip_prefix(['+', '-'])?;
        let mut seconds = within(self.digits(2)?, 24)? * 3600;
        for (present, size) in [(offset.minutes, 60), (offset.seconds, 1)] {
            if !present {
                continue;
            }
            if offset.colons {
                self.rest = self.rest.strip_prefix(':')?;
            }
            seconds += within(self.digits(2)?, 60)? * size;
        }
        self.parts.offset = if negative { -seconds } else { seconds };
        Some(())
    }

    /// Reads the name of a zone, which does not affect the time: Go treats all as UTC, even
    /// `GMT+3`.
    fn abbreviation(&mut self) -> Option<()> {
        if let Some(rest) = self.rest.strip_prefix("UTC") {
            self.rest = rest;
            return Some(());
        }
        if let Some(after) = self.rest.strip_prefix("GMT") {
            self.rest = after_hours(after).unwrap_or(after);
            return Some(());
        }
        if let Some(rest) = after_hours(self.rest) {
            self.rest = rest;
            return Some(());
        }
        let length = zone_name_length(self.rest)?;
        self.rest = self.rest.get(length..)?;
        Some(())
    }
}

/// Returns the rest of the text after a sign and up to 23 hours.
fn after_hours(text: &str) -> Option<&str> {
    let digits = text.strip_prefix(['+', '-'])?;
    let end = digits.find(|char: char| !char.is_ascii_digit());
    let (hours, rest) = digits.split_at_checked(end.unwrap_or(digits.len()))?;
    within(hours.parse().ok()?, 23).map(|_| rest)
}

/// Returns the length of the name of a zone. Names have three capitals, or four or five if the last
/// is a T, with three exceptions.
fn zone_name_length(text: &str) -> Option<usize> {
    if text.starts_with("ChST") || text.starts_with("MeST") {
        return Some(4);
    }
    let capitals = text
        .bytes()
        .take(6)
        .take_while(u8::is_ascii_uppercase)
        .count();
    let ends_in_t = capitals
        .checked_sub(1)
        .is_some_and(|last| text.as_bytes().get(last) == Some(&b'T'));
    match capitals {
        3 => Some(3),
        4 if ends_in_t || text.starts_with("WITA") => Some(4),
        5 if ends_in_t => Some(5),
        _ => None,
    }
}

fn below(number: i64, limit: i64) -> Option<i64> {
    Some(number).filter(|number| *number < limit)
}

fn within(number: i64, max: i64) -> Option<i64> {
    Some(number).filter(|number| *number <= max)
}

impl Parts {
    fn resolve(&self) -> Result<i64, Error> {
        let seconds = self.local_seconds().ok_or_else(malformed)?;
        nanoseconds(seconds - self.offset, self.nanosecond)
    }

    /// Returns the seconds since 1970, counted as in UTC.
    fn local_seconds(&self) -> Option<i64> {
        let hour = match self.after_noon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let time = Time::new(small(hour)?, small(self.minute)?, small(self.second)?, 0).ok()?;
        seconds_as_in_utc(self.date()?.to_datetime(time))
    }

    /// Returns the date, which must exist. A day of the year must agree with the month and the day.
    fn date(&self) -> Option<Date> {
        let year = i16::try_from(self.year).ok()?;
        let Some(day_of_year) = self.day_of_year else {
            let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
            return Date::new(year, small(month)?, small(day)?).ok();
        };
        let day_of_year = i16::try_from(day_of_year).ok()?;
        let first = Date::new(year, 1, 1).ok()?;
        let date = first.with().day_of_year(day_of_year).build().ok()?;
        let agrees =
            |given: Option<i64>, found: i8| given.is_none_or(|given| given == i64::from(found));
        (agrees(self.month, date.month()) && agrees(self.day, date.day())).then_some(date)
    }
}

fn small(number: i64) -> Option<i8> {
    i8::try_from(number).ok()
}
