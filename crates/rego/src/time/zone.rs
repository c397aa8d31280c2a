//! Time zones: the database that is compiled in, so that every host answers the same.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::Error;

/// A time zone.
#[derive(Clone, Debug)]
pub(super) struct Zone(TimeZone);

impl Zone {
    pub(super) const UTC: Self = Self(TimeZone::UTC);

    /// The zone of this name. The local zone of a policy is UTC, wherever its host is.
    pub(super) fn find(name: &str) -> Result<Self, Error> {
        match name {
            "" | "UTC" | "Local" => Ok(Self::UTC),
            _ => TimeZone::get(name)
                .map(Self)
                .map_err(|_| Error::invalid(format!("unknown time zone {name}"))),
        }
    }

    /// What the zone adds to UTC at this second since 1970, in seconds, and what it is called then.
    pub(super) fn at(&self, seconds: i64) -> (i64, String) {
        let Ok(timestamp) = Timestamp::from_second(seconds) else {
            return (0, String::from("UTC"));
        };
        let info = self.0.to_offset_info(timestamp);
        (
            i64::from(info.offset().seconds()),
            info.abbreviation().to_owned(),
        )
    }

    /// The second since 1970 at which the clocks of the zone show `local`, itself counted as if it were UTC.
    ///
    /// Where clocks are set, a time may be shown twice or never; as in Go, it is then right in one of the
    /// two offsets.
    pub(super) fn to_unix(&self, local: i64) -> Option<i64> {
        let (guess, _) = self.at(local);
        let (offset, _) = self.at(local.checked_sub(guess)?);
        local.checked_sub(offset)
    }
}
