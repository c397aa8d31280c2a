//! What the caller lends for the length of a call, checked.

use std::path::PathBuf;
use std::{slice, str};

use crate::guard::Refused;
use crate::types::Bytes;

impl Bytes {
    /// Whether there is nothing, rather than something of length 0.
    pub(crate) fn is_null(self) -> bool {
        self.data.is_null()
    }

    /// The bytes. `what` names them when they are refused.
    ///
    /// # Safety
    /// Unless null, `data` points to `length` bytes that nobody writes to for `'a`, which must not outlast the call.
    pub(crate) unsafe fn lent<'a>(self, what: &str) -> Result<&'a [u8], Refused> {
        if self.length == 0 {
            return Ok(&[]);
        }
        if self.data.is_null() {
            return Err(Refused::argument(format!(
                "`{what}` has a length, but no data"
            )));
        }
        if isize::try_from(self.length).is_err() {
            return Err(Refused::argument(format!(
                "`{what}` has an impossible length"
            )));
        }
        // SAFETY: not null and not longer than any object can be; the rest is what this function demands.
        Ok(unsafe { slice::from_raw_parts(self.data, self.length) })
    }

    /// The bytes as text.
    ///
    /// # Safety
    /// As [`Self::lent`].
    pub(crate) unsafe fn text<'a>(self, what: &str) -> Result<&'a str, Refused> {
        // SAFETY: the same as is demanded here.
        let bytes = unsafe { self.lent(what) }?;
        str::from_utf8(bytes).map_err(|_| Refused::argument(format!("`{what}` is not UTF-8")))
    }

    /// The bytes as a path; none when there are none.
    ///
    /// # Safety
    /// As [`Self::lent`].
    pub(crate) unsafe fn path(self, what: &str) -> Result<Option<PathBuf>, Refused> {
        // SAFETY: the same as is demanded here.
        let text = unsafe { self.text(what) }?;
        Ok(Some(text)
            .filter(|text| !text.is_empty())
            .map(PathBuf::from))
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;
    use crate::types::STATUS_ARGUMENT;

    fn refused(data: *const u8, length: usize) -> Option<u32> {
        // SAFETY: what is refused is not looked at, and the rest points to one byte that lives for ever.
        let lent = unsafe { Bytes { data, length }.text("x") };
        lent.err().map(|refused| refused.status)
    }

    #[test]
    fn nothing_is_empty_with_and_without_a_pointer() {
        assert_eq!(refused(ptr::null(), 0), None);
        assert_eq!(refused(ptr::dangling(), 0), None);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let byte = b"\xff";
        assert_eq!(refused(ptr::null(), 1), Some(STATUS_ARGUMENT));
        assert_eq!(refused(byte.as_ptr(), usize::MAX), Some(STATUS_ARGUMENT));
        assert_eq!(refused(byte.as_ptr(), 1), Some(STATUS_ARGUMENT));
    }
}
