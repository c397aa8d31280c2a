//! How long kube-apiserver remembers what our webhooks answered.

use std::str::FromStr;
use std::time::Duration;

use host::config;

/// What `--cache-ttl` says; kube-apiserver's own values when it is not given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum CacheTtl {
    /// Two minutes for tokens, five for what is allowed, thirty seconds for what is not.
    #[default]
    Usual,
    /// The same for all three.
    Limited(Duration),
    /// Nothing is remembered; kube-apiserver still keeps a valid token for 10 seconds.
    Off,
}

impl CacheTtl {
    /// For `cacheAuthorizedRequests` and `cacheUnauthorizedRequests`, which older API servers do not know: said only
    /// when it differs from the default.
    pub(super) fn switched_off(self) -> Option<bool> {
        (self == Self::Off).then_some(false)
    }

    /// For `--authentication-token-webhook-cache-ttl`.
    pub(super) fn token(self) -> String {
        self.or(Duration::from_secs(120))
            .unwrap_or_else(|| "0s".to_owned())
    }

    /// For `authorizedTTL`; none when nothing is kept.
    pub(super) fn authorized(self) -> Option<String> {
        self.or(Duration::from_secs(300))
    }

    /// For `unauthorizedTTL`; none when nothing is kept.
    pub(super) fn unauthorized(self) -> Option<String> {
        self.or(Duration::from_secs(30))
    }

    fn or(self, usual: Duration) -> Option<String> {
        match self {
            Self::Usual => Some(config::format_duration(usual)),
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
            config::parse_duration(text).map(Self::Limited)
        }
    }
}
