//! The four questions that a policy can answer.

use std::fmt;

/// One of the four questions that Kubernetes asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Plane {
    /// Who is it?
    Authentication,
    /// May they do that?
    Authorization,
    /// In what form is the object stored?
    Mutation,
    /// May the object be stored?
    Validation,
}

impl Plane {
    /// The plane in lower case, for labels and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Authorization => "authorization",
            Self::Mutation => "mutation",
            Self::Validation => "validation",
        }
    }
}

impl fmt::Display for Plane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
