//! From what is written to what is meant, for the lock-out guard.

use super::error::{ConfigError, ConfigErrors};
use super::read::File;
use super::{Configuration, Guarded, Kubewarden, written};

impl Configuration {
    /// Exempts needs from the guard; what several files and sections say is added up.
    pub(super) fn add_exemptions(
        &mut self,
        file: &File,
        written: Option<&written::LockOutGuard>,
    ) -> Result<(), ConfigErrors> {
        let mut errors = Vec::new();
        let names = written.iter().flat_map(|guard| &guard.exempt);
        for (index, name) in names.enumerate() {
            if let Err(unknown) = self.lock_out_exempt.add(&name.value) {
                let field = format!("lockOutGuard.exempt[{index}]");
                errors.push(ConfigError {
                    hint: unknown
                        .nearest
                        .map(|name| format!("did you mean `{name}`?")),
                    ..file.error(name, field, unknown.to_string())
                });
            }
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(ConfigErrors(errors))
        }
    }
}

impl Guarded {
    /// For a policy whose rules are in the configuration.
    pub(super) fn with(kubewarden: &Kubewarden) -> Self {
        // Policies in Rego are handed the objects that they may read, without a call.
        let grants = &kubewarden.grants;
        if grants.has_calls() || !grants.resources().is_empty() {
            Self::MayCallHost
        } else {
            Self::Yes
        }
    }
}
