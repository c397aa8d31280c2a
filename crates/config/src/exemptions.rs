//! What a configuration may refuse on purpose.

use std::collections::BTreeSet;

use super::corpus;
use crate::config::nearest;

/// The word that exempts everything.
pub(crate) const ALL: &str = "all";

/// The needs that the guard does not ask about, because whoever configures the policies said so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exempt(BTreeSet<&'static str>);

/// There is no such need.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is nothing that the guard asks about")]
pub struct UnknownNeed {
    /// As it was written.
    pub name: String,
    /// What could be meant.
    pub nearest: Option<&'static str>,
}

impl Exempt {
    /// Exempts the need of this name, or every need when the word is `all`.
    ///
    /// # Errors
    /// When there is no such need.
    pub fn add(&mut self, name: &str) -> Result<(), UnknownNeed> {
        let known = || corpus::needs().iter().map(|need| need.name.as_str());
        if name == ALL {
            self.0.extend(known());
            return Ok(());
        }
        let found = known().find(|known| *known == name);
        self.0.insert(found.ok_or_else(|| UnknownNeed {
            name: name.to_owned(),
            nearest: nearest(name, known().chain([ALL])),
        })?);
        Ok(())
    }

    /// Whether a need is exempt.
    #[must_use]
    pub fn contains(&self, need: &str) -> bool {
        self.0.contains(need)
    }

    /// Whether nothing is left to ask.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        corpus::needs().iter().all(|need| self.contains(&need.name))
    }

    /// The names, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.iter().copied()
    }
}
