//! Whether what a policy says counts.

/// Whether the answers of a policy count, on every plane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// They do.
    #[default]
    Protect,
    /// The policy is asked where it stands, and the trace tells what it would have done. It decides and changes nothing,
    /// and its failures are ignored.
    Monitor,
}

impl Mode {
    /// The mode in lower case, for labels and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Protect => "protect",
            Self::Monitor => "monitor",
        }
    }
}
