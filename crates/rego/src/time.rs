//! Times in nanoseconds since 1970, and the calendar.

mod civil;
mod duration;
mod layout;
mod parse;

use serde_json::{Number, Value};

use crate::{Builtin, Context, Error, operand};
use civil::{Civil, Zone, nanoseconds, out_of_range};
use layout::Layout;

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new("time.add_date", 4, add_date),
    Builtin::new("time.clock", 1, clock),
    Builtin::new("time.date", 1, date),
    Builtin::new("time.diff", 2, diff),
    Builtin::new("time.format", 1, format),
    Builtin::new("time.now_ns", 0, now_ns),
    Builtin::new("time.parse_duration_ns", 1, parse_duration_ns),
    Builtin::new("time.parse_ns", 2, parse_ns),
    Builtin::new("time.parse_rfc3339_ns", 1, parse_rfc3339_ns),
    Builtin::new("time.weekday", 1, weekday),
    // Kubewarden's names of `time.date` and `time.parse_rfc3339_ns`. OPA's compiler uses neither.
    Builtin::new("date", 1, date),
    Builtin::new("parse_rfc3339_ns", 1, parse_rfc3339_ns),
];

const RFC3339: &str = "2006-01-02T15:04:05Z07:00";
const RFC3339_NANO: &str = "2006-01-02T15:04:05.999999999Z07:00";

/// The named layouts of Go.
const NAMED_LAYOUTS: [(&str, &str); 10] = [
    ("ANSIC", "Mon Jan _2 15:04:05 2006"),
    ("UnixDate", "Mon Jan _2 15:04:05 MST 2006"),
    ("RubyDate", "Mon Jan 02 15:04:05 -0700 2006"),
    ("RFC822", "02 Jan 06 15:04 MST"),
    ("RFC822Z", "02 Jan 06 15:04 -0700"),
    ("RFC850", "Monday, 02-Jan-06 15:04:05 MST"),
    ("RFC1123", "Mon, 02 Jan 2006 15:04:05 MST"),
    ("RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700"),
    ("RFC3339", RFC3339),
    ("RFC3339Nano", RFC3339_NANO),
];

/// Parses a layout, or the name of one.
fn layout(text: &str) -> Layout<'_> {
    let named = NAMED_LAYOUTS.iter().find(|(name, _)| *name == text);
    Layout::new(named.map_or(text, |(_, layout)| layout))
}

/// Returns the time of the evaluation, which is constant.
fn now_ns(_: &[Value], context: &mut Context) -> Result<Value, Error> {
    Ok(context.now().into())
}

fn parse_rfc3339_ns(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    Ok(parse::parse(&Layout::new(RFC3339), operand::text(args, 0)?)?.into())
}

fn parse_ns(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let (format, text) = (operand::text(args, 0)?, operand::text(args, 1)?);
    Ok(parse::parse(&layout(format), text)?.into())
}

fn parse_duration_ns(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    Ok(duration::parse(operand::text(args, 0)?)?.into())
}

/// Formats a time as RFC 3339, or in the layout after the time and its zone.
fn format(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let time = Time::from_operand(args, 0)?;
    let format = match operand::get(args, 0)? {
        Value::Array(parts) if parts.len() > 2 => operand::text(parts, 2)?,
        _ => "",
    };
    let layout = match format {
        "" => Layout::new(RFC3339_NANO),
        format => layout(format),
    };
    Ok(layout.format(&time.civil())?.into())
}

fn date(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let civil = Time::from_operand(args, 0)?.civil();
    let date = civil.datetime.date();
    Ok(vec![date.year(), date.month().into(), date.day().into()].into())
}

fn clock(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let civil = Time::from_operand(args, 0)?.civil();
    let time = civil.datetime.time();
    Ok(vec![time.hour(), time.minute(), time.second()].into())
}

fn weekday(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    Ok(Time::from_operand(args, 0)?.civil().weekday().into())
}

/// Adds years, months and days. A day that the month does not have overflows into the next month.
fn add_date(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let time = Time::from_operand(args, 0)?;
    let (years, months) = (operand::integer(args, 1)?, operand::integer(args, 2)?);
    let days = operand::integer(args, 3)?;
    let civil = time.civil();
    let seconds = civil
        .plus(years, months, days)
        .and_then(|local| time.zone.to_unix(local))
        .ok_or_else(out_of_range)?;
    Ok(nanoseconds(seconds, civil.datetime.subsec_nanosecond().into())?.into())
}

/// Returns the years, months, days, hours, minutes and seconds between two times, in the zone of
/// the first.
fn diff(args: &[Value], _: &mut Context) -> Result<Value, Error> {
    let first = Time::from_operand(args, 0)?;
    let mut second = Time::from_operand(args, 1)?;
    second.zone = first.zone.clone();
    let (early, late) = if first.nanoseconds > second.nanoseconds {
        (second, first)
    } else {
        (first, second)
    };
    Ok(early.civil().until(&late.civil()).to_vec().into())
}

/// A time in a time zone.
struct Time {
    nanoseconds: i64,
    zone: Zone,
}

impl Time {
    /// Parses a number, or an array of a number and the name of a zone.
    fn from_operand(args: &[Value], index: usize) -> Result<Self, Error> {
        match operand::get(args, index)? {
            Value::Number(number) => Ok(Self {
                nanoseconds: exact(number)?,
                zone: Zone::UTC,
            }),
            Value::Array(parts) => {
                let Some(Value::Number(number)) = parts.first() else {
                    return Err(operand::wrong_type(parts, 0, "number"));
                };
                let zone = match parts.get(1) {
                    Some(_) => Zone::find(operand::text(parts, 1)?)?,
                    None => Zone::UTC,
                };
                Ok(Self {
                    nanoseconds: exact(number)?,
                    zone,
                })
            }
            _ => Err(operand::wrong_type(
                args,
                index,
                "a time or a time with its zone",
            )),
        }
    }

    fn civil(&self) -> Civil {
        Civil::new(self.nanoseconds, &self.zone)
    }
}

fn exact(number: &Number) -> Result<i64, Error> {
    operand::whole(number).ok_or_else(|| Error::invalid("the time is not an integer of 64 bits"))
}
