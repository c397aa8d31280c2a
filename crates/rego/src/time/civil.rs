//! Dates, clock times and time zones.
//!
//! The time zone database is compiled in, so that the results are the same on every host.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

use crate::Error;

/// Nanoseconds in a second.
pub(super) const SECOND: i64 = 1_000_000_000;
const DAY_SECONDS: i64 = 86_400;
/// Days in 400 years, after which the Gregorian calendar repeats.
const CYCLE_DAYS: i64 = 146_097;
/// The largest year, in either direction, that intermediate results may have. 64 bits of
/// nanoseconds cover far fewer years.
const MAX_YEAR: i64 = 1_000_000;

pub(super) const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A time zone.
#[derive(Debug, Clone)]
pub(super) struct Zone(TimeZone);

impl Zone {
    pub(super) const UTC: Self = Self(TimeZone::UTC);

    /// Returns the zone with this name. The local zone of a policy is UTC on every host.
    pub(super) fn find(name: &str) -> Result<Self, Error> {
        match name {
            "" | "UTC" | "Local" => Ok(Self::UTC),
            _ => TimeZone::get(name)
                .map(Self)
                .map_err(|_| Error::invalid(format!("unknown time zone {name}"))),
        }
    }

    /// Returns the offset from UTC in seconds, at a second since 1970.
    fn offset_at(&self, seconds: i64) -> i64 {
        Timestamp::from_second(seconds).map_or(0, |timestamp| {
            i64::from(self.0.to_offset_info(timestamp).offset().seconds())
        })
    }

    /// Returns the second since 1970 at which the clocks of the zone show `local`, itself counted
    /// as in UTC.
    ///
    /// Around a change of the offset, a time may exist twice or not at all. As in Go, the result is
    /// then correct for one of the two offsets.
    pub(super) fn to_unix(&self, local: i64) -> Option<i64> {
        let guess = self.offset_at(local);
        let offset = self.offset_at(local.checked_sub(guess)?);
        local.checked_sub(offset)
    }
}

/// The calendar date and the clock time in a zone.
#[derive(Debug)]
pub(super) struct Civil {
    pub(super) datetime: DateTime,
    /// The offset from UTC in seconds.
    pub(super) offset: i64,
    /// The abbreviated name of the zone.
    pub(super) abbreviation: String,
}

impl Civil {
    /// Returns the date and the time in a zone, at a time in nanoseconds since 1970.
    pub(super) fn new(nanoseconds: i64, zone: &Zone) -> Self {
        // All values of 64 bits are in range.
        let timestamp = Timestamp::from_nanosecond(nanoseconds.into()).unwrap_or_default();
        let info = zone.0.to_offset_info(timestamp);
        Self {
            datetime: info.offset().to_datetime(timestamp),
            offset: info.offset().seconds().into(),
            abbreviation: info.abbreviation().to_owned(),
        }
    }

    pub(super) fn weekday(&self) -> &'static str {
        let index = self.datetime.weekday().to_sunday_zero_offset();
        name(&WEEKDAYS, index)
    }

    pub(super) fn month_name(&self) -> &'static str {
        name(&MONTHS, self.datetime.month() - 1)
    }

    /// Adds years, months and days like Go's `AddDate`: a day that the month does not have
    /// overflows into the next month. Returns seconds since 1970, counted as in UTC.
    pub(super) fn plus(&self, years: i64, months: i64, days: i64) -> Option<i64> {
        let months = i64::from(self.datetime.year())
            .checked_add(years)?
            .checked_mul(12)?
            .checked_add(i64::from(self.datetime.month()) - 1)?
            .checked_add(months)?;
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
        if !(-MAX_YEAR..=MAX_YEAR).contains(&year) {
            return None;
        }
        // Days may lead back from years that jiff does not support, so the first of the month is
        // computed in the years 2000 to 2399.
        let (cycles, year) = ((year - 2000).div_euclid(400), 2000 + year.rem_euclid(400));
        let first = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()?;
        let days = days
            .checked_add(i64::from(self.datetime.day()) - 1)?
            .checked_add(cycles * CYCLE_DAYS)?;
        seconds_as_in_utc(first.to_datetime(self.datetime.time()))?
            .checked_add(days.checked_mul(DAY_SECONDS)?)
    }

    /// Returns the years, months, days, hours, minutes and seconds to a later time.
    pub(super) fn until(&self, later: &Self) -> [i64; 6] {
        let (from, to) = (self.datetime, later.datetime);
        let mut second = i64::from(to.second() - from.second());
        let mut minute = i64::from(to.minute() - from.minute());
        let mut hour = i64::from(to.hour() - from.hour());
        let mut day = i64::from(to.day() - from.day());
        let mut month = i64::from(to.month() - from.month());
        let mut year = i64::from(to.year() - from.year());
        borrow(&mut second, &mut minute, 60);
        borrow(&mut minute, &mut hour, 60);
        borrow(&mut hour, &mut day, 24);
        borrow(&mut day, &mut month, from.date().days_in_month().into());
        borrow(&mut month, &mut year, 12);
        [year, month, day, hour, minute, second]
    }
}

fn name(names: &[&'static str], index: i8) -> &'static str {
    let index = usize::try_from(index).ok();
    index
        .and_then(|index| names.get(index).copied())
        .unwrap_or_default()
}

/// Makes `small` positive by borrowing one of `large`, which is `size` of `small`.
fn borrow(small: &mut i64, large: &mut i64, size: i64) {
    if *small < 0 {
        *small += size;
        *large -= 1;
    }
}

/// Returns the seconds since 1970 of a date and a time in UTC, without the fraction of the second.
pub(super) fn seconds_as_in_utc(datetime: DateTime) -> Option<i64> {
    let whole = datetime.with().subsec_nanosecond(0).build().ok()?;
    let timestamp = Offset::UTC.to_timestamp(whole).ok()?;
    Some(timestamp.as_second())
}

/// Returns nanoseconds since 1970.
pub(super) fn nanoseconds(seconds: i64, nanosecond: i64) -> Result<i64, Error> {
    let total = i128::from(seconds) * i128::from(SECOND) + i128::from(nanosecond);
    i64::try_from(total).map_err(|_| out_of_range())
}

pub(super) fn out_of_range() -> Error {
    Error::invalid("the time is outside of the years 1677 to 2262")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-01-31T12:34:56.789Z
    fn january_31() -> Civil {
        Civil::new(1_706_704_496_789_000_000, &Zone::UTC)
    }

    #[test]
    fn overflows_into_the_next_month() {
        let march_2 = january_31().plus(0, 1, 0);
        assert_eq!(march_2, january_31().plus(0, 2, -29));
        assert_eq!(march_2, Some(1_706_704_496 + 31 * DAY_SECONDS));
        assert_eq!(january_31().plus(-1, 12, 1), january_31().plus(0, 0, 1));
    }

    #[test]
    fn computes_beyond_the_years_of_jiff() {
        let cycles = 250;
        let same = january_31().plus(400 * cycles, 0, -cycles * CYCLE_DAYS);
        assert_eq!(same, Some(1_706_704_496));
        assert_eq!(
            january_31().plus(-400 * cycles, 0, cycles * CYCLE_DAYS),
            same
        );
        assert_eq!(january_31().plus(MAX_YEAR, 0, 0), None);
        assert_eq!(january_31().plus(i64::MAX, i64::MAX, i64::MAX), None);
    }
}
