//! Whole seconds for kube-apiserver's timeouts.

use std::time::Duration;

/// The answer has to travel, too: what kube-apiserver waits longer than the policies may take.
const MARGIN: Duration = Duration::from_secs(1);

/// Whole seconds in which policies that take `work` can answer, between two bounds.
pub(super) fn enough_for(work: Duration, min: Duration, max: Duration) -> Duration {
    let needed = work.saturating_add(MARGIN);
    let whole = needed
        .as_secs()
        .saturating_add(u64::from(needed.subsec_nanos() > 0));
    Duration::from_secs(whole).clamp(min, max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_up_and_stays_within_bounds() {
        let enough = |millis| {
            let work = Duration::from_millis(millis);
            enough_for(work, Duration::from_secs(3), Duration::from_secs(30)).as_secs()
        };
        assert_eq!(enough(250), 3);
        assert_eq!(enough(2_000), 3);
        assert_eq!(enough(2_001), 4);
        assert_eq!(enough(60_000), 30);
    }
}
