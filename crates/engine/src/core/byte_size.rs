//! A number of bytes, written the way Kubernetes writes quantities: `64Mi`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

const KI: u64 = 1 << 10;
const MI: u64 = 1 << 20;
const GI: u64 = 1 << 30;

/// Units from the largest, so that the first that divides is the shortest text.
const UNITS: [(&str, u64); 3] = [("Gi", GI), ("Mi", MI), ("Ki", KI)];

/// A number of bytes. Written `1000`, `512Ki`, `64Mi` or `1Gi`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    /// That many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// That many times 1024 bytes; stays at the largest number when there are too many.
    pub const fn kib(count: u64) -> Self {
        Self(count.saturating_mul(KI))
    }

    /// That many times 1024² bytes; stays at the largest number when there are too many.
    pub const fn mib(count: u64) -> Self {
        Self(count.saturating_mul(MI))
    }

    /// That many times 1024³ bytes; stays at the largest number when there are too many.
    pub const fn gib(count: u64) -> Self {
        Self(count.saturating_mul(GI))
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The number of bytes as a length in this process's memory, or the largest such length.
    pub(crate) fn as_len(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// The size of something that is in this process's memory.
    pub(crate) fn of_len(len: usize) -> Self {
        Self(u64::try_from(len).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |size: u64| {
            self.0
                .checked_div(size)
                .filter(|_| self.0.is_multiple_of(size))
        };
        let unit = UNITS
            .iter()
            .find_map(|(name, size)| Some((name, whole(*size)?)));
        match unit {
            Some((name, count)) if count > 0 => write!(f, "{count}{name}"),
            _ => write!(f, "{}", self.0),
        }
    }
}

impl FromStr for ByteSize {
    type Err = ParseByteSizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseByteSizeError {
            text: text.to_owned(),
        };
        let (digits, size) = UNITS
            .iter()
            .find_map(|(name, size)| Some((text.strip_suffix(name)?, *size)))
            .unwrap_or((text, 1));
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(error());
        }
        let count: u64 = digits.parse().map_err(|_| error())?;
        count.checked_mul(size).map(Self).ok_or_else(error)
    }
}

/// A text is not a [`ByteSize`].
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "`{text}` is not a size: write a whole number of bytes, or one with the unit Ki, Mi or Gi, like `64Mi`"
)]
pub struct ParseByteSizeError {
    /// What was given.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in [
            "0", "1", "1000", "1025", "1Ki", "512Ki", "64Mi", "1Gi", "1536Mi",
        ] {
            let size: ByteSize = text.parse().expect(text);
            assert_eq!(size.to_string(), text);
        }
    }

    #[test]
    fn writes_the_largest_unit_that_divides() {
        assert_eq!(ByteSize::from_bytes(65_536).to_string(), "64Ki");
        assert_eq!(ByteSize::kib(1024).to_string(), "1Mi");
        assert_eq!(ByteSize::from_bytes(1 << 30).to_string(), "1Gi");
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "Mi",
            "-1",
            "+1",
            "1.5Mi",
            "64MB",
            "64 Mi",
            "64mi",
            "99999999999999999999",
            "99999999999Gi",
        ] {
            let error = text.parse::<ByteSize>().expect_err(text);
            assert_eq!(error.text, text);
        }
    }
}
