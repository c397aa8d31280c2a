//! Timeouts of webhooks, and durations for which kube-apiserver caches their responses.

use std::str::FromStr;
use std::time::Duration;

use host::config;

/// Time for the network, by which a webhook's timeout exceeds those of its policies.
const NETWORK_MARGIN: Duration = Duration::from_secs(1);

/// The value of `--cache-ttl`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum CacheTtl {
    /// The defaults of kube-apiserver: 2 minutes for tokens, 5 minutes for allowed and 30 seconds
    /// for other requests.
    #[default]
    Default,
    /// The same duration for all responses.
    Limited(Duration),
    /// No caching. kube-apiserver still caches valid tokens for 10 seconds.
    Off,
}

impl CacheTtl {
    /// Returns `cacheAuthorizedRequests` and `cacheUnauthorizedRequests`. They are omitted if they
    /// are true, the default, because older versions of kube-apiserver reject the fields.
    pub(super) fn cache_requests(self) -> Option<bool> {
        (self == Self::Off).then_some(false)
    }

    /// Returns the value of `--authentication-token-webhook-cache-ttl`.
    pub(super) fn for_tokens(self) -> String {
        self.or_default(Duration::from_secs(120))
            .unwrap_or_else(|| "0s".to_owned())
    }

    /// Returns `authorizedTTL`, or none without caching.
    pub(super) fn authorized(self) -> Option<String> {
        self.or_default(Duration::from_secs(300))
    }

    /// Returns `unauthorizedTTL`, or none without caching.
    pub(super) fn unauthorized(self) -> Option<String> {
        self.or_default(Duration::from_secs(30))
    }

    fn or_default(self, default: Duration) -> Option<String> {
        match self {
            Self::Default => Some(config::format_duration(default)),
            Self::Limited(ttl) => Some(config::format_duration(ttl)),
            Self::Off => None,
        }
    }
}

impl FromStr for CacheTtl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            Ok(Self::Off)
        } else {
            config::parse_duration(text)
                .map(Self::Limited)
                .map_err(|error| error.to_string())
        }
    }
}

/// Returns a timeout in whole seconds for policies that take at most `policies`, within bounds.
pub(super) fn webhook_timeout(policies: Duration, min: Duration, max: Duration) -> Duration {
    let needed = policies.saturating_add(NETWORK_MARGIN);
    let rounded_up = needed
        .as_secs()
        .saturating_add(u64::from(needed.subsec_nanos() > 0));
    Duration::from_secs(rounded_up).clamp(min, max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_timeouts_up_within_bounds() {
        let timeout = |millis| {
            let policies = Duration::from_millis(millis);
            webhook_timeout(policies, Duration::from_secs(3), Duration::from_secs(30)).as_secs()
        };
        assert_eq!(timeout(250), 3);
        assert_eq!(timeout(2_000), 3);
        assert_eq!(timeout(2_001), 4);
        assert_eq!(timeout(60_000), 30);
    }
}
