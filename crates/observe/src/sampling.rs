//! Takes a share of all.

use std::sync::{Mutex, PoisonError};

/// Takes a share of all, evenly: each time the shares add up to one.
#[derive(Debug)]
pub(crate) struct Sampling {
    share: f64,
    sum: Mutex<f64>,
}

impl Sampling {
    pub(crate) fn new(share: f64) -> Self {
        Self {
            share: share.clamp(0.0, 1.0),
            sum: Mutex::new(0.0),
        }
    }

    /// Whether this one is of the share.
    pub(crate) fn takes(&self) -> bool {
        let mut sum = self.sum.lock().unwrap_or_else(PoisonError::into_inner);
        *sum += self.share;
        let takes = *sum >= 1.0;
        if takes {
            *sum -= 1.0;
        }
        takes
    }
}
