//! Comparison of JSON as in Kubernetes, where numbers are equal if their values are.

use serde_json::{Number, Value};

/// Returns whether two values are equal, given that `1` equals `1.0`.
pub fn is_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => is_equal_number(a, b),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, a)| b.get(name).is_some_and(|b| is_equal(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Compares integers as integers, because a double cannot represent all of them.
fn is_equal_number(a: &Number, b: &Number) -> bool {
    if a.is_f64() || b.is_f64() {
        a.as_f64() == b.as_f64()
    } else {
        (a.as_i64(), a.as_u64()) == (b.as_i64(), b.as_u64())
    }
}
