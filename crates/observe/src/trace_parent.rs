//! The header `traceparent`, by which a caller says what its own span is (W3C Trace Context, <https://www.w3.org/TR/trace-context/>).

/// The span of whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
    /// Whether the caller records its span.
    pub(super) is_sampled: bool,
}

/// The length of version 00: `00-{32 digits}-{16 digits}-{2 digits}`.
const LENGTH: usize = 55;

/// The one flag that is looked at.
const SAMPLED: u8 = 1;

impl Parent {
    /// The parent that the values of the header name; none when there is not exactly one value, or it is not valid. The
    /// standard has it that such a header is as good as none.
    #[must_use]
    pub fn of<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut values = values.into_iter();
        let value = values.next()?;
        values.next().is_none().then(|| parse(value))?
    }
}

fn parse(value: &[u8]) -> Option<Parent> {
    let (known, more) = value.split_at_checked(LENGTH)?;
    let mut fields = known.split(|byte| *byte == b'-');
    let [version] = digits(fields.next()?)?;
    let trace_id = u128::from_be_bytes(digits(fields.next()?)?);
    let span_id = u64::from_be_bytes(digits(fields.next()?)?);
    let [flags] = digits(fields.next()?)?;
    // Later versions may append fields. 0xff is none.
    let is_complete = match version {
        0 => more.is_empty(),
        0xff => false,
        _ => more.first().is_none_or(|byte| *byte == b'-'),
    };
    let is_valid = is_complete && trace_id != 0 && span_id != 0;
    is_valid.then_some(Parent {
        trace_id,
        span_id,
        is_sampled: flags & SAMPLED != 0,
    })
}

/// Exactly so many bytes in hexadecimal digits, lower case.
fn digits<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let (pairs, []) = text.as_chunks::<2>() else {
        return None;
    };
    let pairs: &[[u8; 2]; N] = pairs.try_into().ok()?;
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(character.wrapping_sub(b'a').wrapping_add(10)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn of(value: &str) -> Option<Parent> {
        Parent::of([value.as_bytes()])
    }

    #[test]
    fn reads_the_example_of_the_standard() {
        let parent = Parent {
            trace_id: 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c,
            span_id: 0xb7ad_6b71_6920_3331,
            is_sampled: true,
        };
        assert_eq!(of(VALID), Some(parent));
    }

    #[test]
    fn looks_at_no_flag_but_sampled() {
        for (flags, is_sampled) in [("00", false), ("02", false), ("03", true), ("ff", true)] {
            let value = format!("{}{flags}", &VALID[..53]);
            assert_eq!(of(&value).unwrap().is_sampled, is_sampled, "{value}");
        }
    }

    #[test]
    fn later_versions_may_say_more() {
        let later = format!("cc{}", &VALID[2..]);
        assert_eq!(of(&later), of(VALID));
        assert_eq!(of(&format!("{later}-what-will-be")), of(VALID));
        assert_eq!(of(&format!("{later}.what")), None);
    }

    #[test]
    fn takes_nothing_that_is_not_valid() {
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
            assert_eq!(of(value), None, "{value:.80}");
        }
        assert_eq!(Parent::of([&[0xff; LENGTH][..]]), None);
    }

    #[test]
    fn two_parents_are_none() {
        assert_eq!(Parent::of([VALID.as_bytes(), VALID.as_bytes()]), None);
        assert_eq!(Parent::of([]), None);
    }
}
