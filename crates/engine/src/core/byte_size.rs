//! Sizes in bytes, in the notation of Kubernetes quantities: `64Mi`.

use std::fmt;
use std::str::FromStr;

const KI: u64 = 1 << 10;
const MI: u64 = 1 << 20;
const GI: u64 = 1 << 30;

/// Units in descending order, so that formatting picks the largest unit that divides the size.
const UNITS: [(&str, u64); 3] = [("Gi", GI), ("Mi", MI), ("Ki", KI)];

/// A number of bytes. Its text form is `1000`, `512Ki`, `64Mi` or `1Gi`.
///
/// ```
/// use engine::ByteSize;
///
/// let size: ByteSize = "64Mi".parse()?;
/// assert_eq!(size, ByteSize::mib(64));
/// assert_eq!(size.bytes(), 67_108_864);
/// assert_eq!(ByteSize::from_bytes(1536 << 20).to_string(), "1536Mi");
/// assert!("64MB".parse::<ByteSize>().is_err());
/// # Ok::<(), engine::ParseByteSizeError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    /// Creates a size of `bytes` bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Creates a size of `count` × 1024 bytes, saturating at the largest size.
    pub const fn kib(count: u64) -> Self {
        Self(count.saturating_mul(KI))
    }

    /// Creates a size of `count` × 1024² bytes, saturating at the largest size.
    pub const fn mib(count: u64) -> Self {
        Self(count.saturating_mul(MI))
    }

    /// Creates a size of `count` × 1024³ bytes, saturating at the largest size.
    pub const fn gib(count: u64) -> Self {
        Self(count.saturating_mul(GI))
    }

    /// Returns the number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Returns the size as a length in the memory of this process, saturating at `usize::MAX`.
    pub(crate) fn as_len(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// Creates a size from a length in the memory of this process.
    pub(crate) fn from_len(len: usize) -> Self {
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

/// An error for text that is not a [`ByteSize`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid size `{text}`: expected a whole number of bytes, optionally with the unit Ki, Mi or Gi, such as `64Mi`"
)]
pub struct ParseByteSizeError {
    /// The rejected text.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_its_own_text_form() {
        for text in [
            "0", "1", "1000", "1025", "1Ki", "512Ki", "64Mi", "1Gi", "1536Mi",
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!(size.to_string(), text);
        }
    }

    #[test]
    fn formats_with_the_largest_unit_that_divides() {
        assert_eq!(ByteSize::from_bytes(65_536).to_string(), "64Ki");
        assert_eq!(ByteSize::kib(1024).to_string(), "1Mi");
        assert_eq!(ByteSize::from_bytes(1 << 30).to_string(), "1Gi");
    }

    #[test]
    fn rejects_other_notations() {
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
            let error = text.parse::<ByteSize>().unwrap_err();
            assert_eq!(error.text, text);
        }
    }
}
