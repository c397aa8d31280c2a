//! Converts ASCII letters to upper case.

conventions::export!(<[u8]>::to_ascii_uppercase);
