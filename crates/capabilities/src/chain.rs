//! The text of an error together with its causes.

use std::error::Error;

/// The error and what caused it, joined by `: `; a cause whose text its effect already quotes is not told twice.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let told = error.to_string();
        if !text.contains(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        cause = error.source();
    }
    text
}
