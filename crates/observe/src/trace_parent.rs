//! The `traceparent` header of W3C Trace Context (<https://www.w3.org/TR/trace-context/>).

/// Length of a header of version 00: `00-{32 digits}-{16 digits}-{2 digits}`.
const LENGTH: usize = 55;

/// The flag "sampled"; all other flags are ignored.
const SAMPLED: u8 = 1;

/// The span of a caller, from a `traceparent` header.
///
/// ```
/// use observe::TraceParent;
///
/// let header: &[u8] = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// assert!(TraceParent::from_headers([header]).is_some_and(|parent| parent.is_sampled()));
/// assert_eq!(TraceParent::from_headers([header, header]), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    is_sampled: bool,
}

impl TraceParent {
    /// Parses the values of the header. Returns none unless there is exactly one value and it is
    /// valid: the standard requires that other headers are ignored.
    #[must_use]
    pub fn from_headers<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut values = values.into_iter();
        let value = values.next()?;
        values.next().is_none().then(|| parse(value))?
    }

    /// Returns true if the caller records its span.
    #[must_use]
    pub fn is_sampled(self) -> bool {
        self.is_sampled
    }
}

fn parse(value: &[u8]) -> Option<TraceParent> {
    let (known, rest) = value.split_at_checked(LENGTH)?;
    let mut fields = known.split(|byte| *byte == b'-');
    let [version] = decode_hex(fields.next()?)?;
    let trace_id = u128::from_be_bytes(decode_hex(fields.next()?)?);
    let span_id = u64::from_be_bytes(decode_hex(fields.next()?)?);
    let [flags] = decode_hex(fields.next()?)?;
    // Later versions may append fields. Version ff is invalid.
    let is_complete = match version {
        0 => rest.is_empty(),
        0xff => false,
        _ => rest.first().is_none_or(|byte| *byte == b'-'),
    };
    let is_valid = is_complete && trace_id != 0 && span_id != 0;
    is_valid.then_some(TraceParent {
        trace_id,
        span_id,
        is_sampled: flags & SAMPLED != 0,
    })
}

/// Decodes exactly `N` bytes. The standard allows lower-case digits only.
fn decode_hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let is_lower = !digits.iter().any(u8::is_ascii_uppercase);
    (is_lower && hex::decode_to_slice(digits, &mut bytes).is_ok()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn parse(value: &str) -> Option<TraceParent> {
        TraceParent::from_headers([value.as_bytes()])
    }

    #[test]
    fn parses_the_example_of_the_standard() {
        let parent = TraceParent {
            trace_id: 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c,
            span_id: 0xb7ad_6b71_6920_3331,
            is_sampled: true,
        };
        assert_eq!(parse(VALID), Some(parent));
    }

    #[test]
    fn ignores_flags_other_than_sampled() {
        for (flags, is_sampled) in [("00", false), ("02", false), ("03", true), ("ff", true)] {
            let value = format!("{}{flags}", &VALID[..53]);
            assert_eq!(parse(&value).unwrap().is_sampled, is_sampled, "{value}");
        }
    }

    #[test]
    fn accepts_additional_fields_of_later_versions() {
        let later = format!("cc{}", &VALID[2..]);
        assert_eq!(parse(&later), parse(VALID));
        assert_eq!(parse(&format!("{later}-what-will-be")), parse(VALID));
        assert_eq!(parse(&format!("{later}.what")), None);
    }

    #[test]
    fn ignores_invalid_headers() {
        let upper = VALID.to_uppercase();
        let long = "0".repeat(100_000);
        for value in [
            "",
            "-",
            "00",
            "---",
            &"-".repeat(LENGTH),
            &VALID[..54],
            &format!("{VALID}-"),
            &format!("{VALID}-00"),
            &format!(" {VALID}"),
            &format!("ff{}", &VALID[2..]),
            &upper,
            &long,
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
            "0x-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
            "00-0af7651916cd43dd8448eb211c8031\u{e4}-b7ad6b7169203331-01",
        ] {
            assert_eq!(parse(value), None, "{value:.80}");
        }
        assert_eq!(TraceParent::from_headers([&[0xff; LENGTH][..]]), None);
    }

    #[test]
    fn ignores_more_than_one_header() {
        let twice = [VALID.as_bytes(), VALID.as_bytes()];
        assert_eq!(TraceParent::from_headers(twice), None);
        assert_eq!(TraceParent::from_headers([]), None);
    }
}
