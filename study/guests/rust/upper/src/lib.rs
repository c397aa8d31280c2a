//! `to-upper`: ASCII letters in upper case, everything else as it is.

ways::export!(<[u8]>::to_ascii_uppercase);
