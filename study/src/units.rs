//! Numbers as text.

/// Formats microseconds with two or three significant digits.
pub fn micros(nanoseconds: f64) -> String {
    let value = nanoseconds / 1000.0;
    match value {
        value if value < 1.0 => format!("{value:.2}"),
        value if value < 10.0 => format!("{value:.1}"),
        value => grouped(value.round()),
    }
}

/// Formats a ratio with two significant digits, or as a whole number from 10.
pub fn times(ratio: f64) -> String {
    match ratio {
        ratio if ratio < 9.95 => format!("{ratio:.1}"),
        ratio => grouped(ratio.round()),
    }
}

/// Formats a whole number with a space between thousands.
pub fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_numbers() {
        assert_eq!(micros(123.0), "0.12");
        assert_eq!(micros(4567.0), "4.6");
        assert_eq!(micros(1_234_567.0), "1 235");
        assert_eq!(times(9.94), "9.9");
        assert_eq!(times(12.34), "12");
    }
}
