//! Dates and clocks, in the calendar that Go uses for all of time (proleptic Gregorian).

/// Nanoseconds.
pub(super) const SECOND: i64 = 1_000_000_000;
const DAY_SECONDS: i64 = 86_400;

/// Years on either side that dates are computed for; 64 bits of nanoseconds hold far less.
const YEARS_MAX: i64 = 1_000_000;

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

/// What calendar and clock show at a time, somewhere.
#[derive(Debug)]
pub(super) struct Civil {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    pub(super) nanosecond: i64,
    /// What the place adds to UTC, in seconds.
    pub(super) offset: i64,
    /// What the place calls its zone.
    pub(super) abbreviation: String,
    /// Days since 1970.
    days: i64,
}

impl Civil {
    pub(super) fn new(nanoseconds: i64, offset: i64, abbreviation: String) -> Self {
        let local = nanoseconds.div_euclid(SECOND) + offset;
        let days = local.div_euclid(DAY_SECONDS);
        let clock = local.rem_euclid(DAY_SECONDS);
        let (year, month, day) = date(days);
        Self {
            year,
            month,
            day,
            hour: clock / 3600,
            minute: clock / 60 % 60,
            second: clock % 60,
            nanosecond: nanoseconds.rem_euclid(SECOND),
            offset,
            abbreviation,
            days,
        }
    }

    pub(super) fn weekday(&self) -> &'static str {
        let index = usize::try_from((self.days + 4).rem_euclid(7)).unwrap_or(0);
        WEEKDAYS.get(index).copied().unwrap_or_default()
    }

    pub(super) fn month_name(&self) -> &'static str {
        let index = usize::try_from(self.month - 1).unwrap_or(0);
        MONTHS.get(index).copied().unwrap_or_default()
    }

    /// Counted from 1.
    pub(super) fn day_of_year(&self) -> i64 {
        self.days - days(self.year, 1, 1) + 1
    }

    /// The same clock on another day, in seconds since 1970 as if it were in UTC.
    pub(super) fn plus(&self, years: i64, months: i64, added_days: i64) -> Option<i64> {
        let months = self
            .year
            .checked_add(years)?
            .checked_mul(12)?
            .checked_add(self.month - 1)?
            .checked_add(months)?;
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
        if !(-YEARS_MAX..=YEARS_MAX).contains(&year) {
            return None;
        }
        days(year, month, self.day)
            .checked_add(added_days)?
            .checked_mul(DAY_SECONDS)?
            .checked_add(clock_seconds(self.hour, self.minute, self.second))
    }

    /// Years, months, days, hours, minutes and seconds to a later time.
    pub(super) fn until(&self, later: &Self) -> [i64; 6] {
        let mut second = later.second - self.second;
        let mut minute = later.minute - self.minute;
        let mut hour = later.hour - self.hour;
        let mut day = later.day - self.day;
        let mut month = later.month - self.month;
        let mut year = later.year - self.year;
        borrow(&mut second, &mut minute, 60);
        borrow(&mut minute, &mut hour, 60);
        borrow(&mut hour, &mut day, 24);
        borrow(&mut day, &mut month, days_in_month(self.year, self.month));
        borrow(&mut month, &mut year, 12);
        [year, month, day, hour, minute, second]
    }
}

/// Makes `small` positive with one of what counts `size` of it.
fn borrow(small: &mut i64, large: &mut i64, size: i64) {
    if *small < 0 {
        *small += size;
        *large -= 1;
    }
}

pub(super) fn clock_seconds(hour: i64, minute: i64, second: i64) -> i64 {
    hour * 3600 + minute * 60 + second
}

/// Seconds since 1970 of midnight in UTC.
pub(super) fn midnight(year: i64, month: i64, day: i64) -> i64 {
    days(year, month, day) * DAY_SECONDS
}

pub(super) fn days_in_month(year: i64, month: i64) -> i64 {
    days(year, month + 1, 1) - days(year, month, 1)
}

/// Days since 1970; a month 13 is the first of the next year.
///
/// Counted in years that start in March, so that the leap day is the last of a year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let month = year * 12 + month - 3;
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12));
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // March, May, July, August, October, December and January have 31 days.
    let month_days = (153 * month + 2) / 5;
    // The days from the first of March of the year 0 to the first day of 1970.
    year * 365 + leap_days + month_days + day - 1 - 719_468
}

/// Year, month and day of a number of days since 1970.
fn date(since_1970: i64) -> (i64, i64, i64) {
    let since_march = since_1970 + 719_468;
    let era = since_march.div_euclid(146_097);
    let of_era = since_march.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let january_or_february = i64::from(month >= 10);
    (
        era * 400 + year + january_or_february,
        if month >= 10 { month - 9 } else { month + 3 },
        day,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_days_there_and_back() {
        for since_1970 in (-300_000..300_000).step_by(17) {
            let (year, month, day) = date(since_1970);
            assert_eq!(days(year, month, day), since_1970);
            assert!((1..=days_in_month(year, month)).contains(&day));
        }
    }
}
