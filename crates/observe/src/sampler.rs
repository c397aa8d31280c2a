//! Sampling of decisions at a configured rate.

use parking_lot::Mutex;

/// A sampler that selects an even share: it adds up the rate and selects at each whole number.
#[derive(Debug)]
pub(crate) struct Sampler {
    rate: f64,
    sum: Mutex<f64>,
}

impl Sampler {
    /// Creates a sampler; a rate outside of 0 to 1 is clamped.
    pub(crate) fn new(rate: f64) -> Self {
        Self {
            rate: rate.clamp(0.0, 1.0),
            sum: Mutex::new(0.0),
        }
    }

    /// Returns true if the next item is selected.
    pub(crate) fn sample(&self) -> bool {
        let mut sum = self.sum.lock();
        *sum += self.rate;
        let is_selected = *sum >= 1.0;
        if is_selected {
            *sum -= 1.0;
        }
        is_selected
    }
}
