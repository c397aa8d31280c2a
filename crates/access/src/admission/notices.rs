//! What travels with either decision: warnings for the user, annotations for the audit log.
//!
//! What kube-apiserver would drop, or drop others for, is left out here, with a note for the author of the module.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::name::PolicyName;
use crate::text;

/// The longest warning, in characters: kube-apiserver cuts at this length when it has too many.
const MAX_WARNING: usize = 256;

/// All warnings of one answer, in characters (`k8s.io/apiserver/pkg/endpoints/filters/warning.go`).
const MAX_WARNINGS: usize = 4096;

/// The longest key of an annotation, in bytes: the name part of a qualified name.
const MAX_KEY: usize = 63;

/// The notes on one answer. A module may answer millions of bad keys.
const MAX_NOTES: usize = 16;

/// The warnings and annotations of all policies.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// From the host, on policies that failed and are not only watched. These come first, so that no module can crowd them out.
    ignored: Vec<String>,
    warnings: Vec<String>,
    audit_annotations: BTreeMap<String, String>,
}

impl Notices {
    /// Warns of a failed call that is ignored.
    pub(super) fn ignored(&mut self, policy: &PolicyName) {
        self.ignored.push(failed_and_ignored(policy));
    }

    /// Takes the warnings and annotations of one policy; returns notes on what was left out.
    pub(super) fn add(
        &mut self,
        policy: &PolicyName,
        warnings: Vec<String>,
        audit_annotations: BTreeMap<String, String>,
    ) -> Vec<String> {
        self.warnings.extend(warnings);
        let mut notes = Notes::default();
        for (key, value) in audit_annotations {
            let full = format!("{policy}.{key}");
            if !is_name(&full) {
                notes.add(|| {
                    format!(
                        "audit annotation `{}` left out: `<policy>.<key>` must have at most {MAX_KEY} letters, digits, \
                         `-`, `_` and `.`, and start and end with a letter or a digit",
                        text::line(&key, MAX_WARNING)
                    )
                });
                continue;
            }
            // The names `a.b` and `a` may meet with the keys `c` and `b.c`.
            match self.audit_annotations.entry(full) {
                Entry::Vacant(vacant) => {
                    vacant.insert(value);
                }
                Entry::Occupied(taken) => notes.add(|| {
                    format!(
                        "audit annotation `{key}` left out: another policy states `{}`",
                        taken.key()
                    )
                }),
            }
        }
        notes.into_vec()
    }

    /// The warnings within the limits, and the annotations.
    pub(super) fn into_parts(self) -> (Vec<String>, BTreeMap<String, String>) {
        let mut left = MAX_WARNINGS;
        let (mut kept, mut seen) = (Vec::new(), BTreeSet::new());
        for warning in self.ignored.iter().chain(&self.warnings) {
            let warning = text::line(warning, MAX_WARNING);
            if warning.is_empty() || !seen.insert(warning.clone()) {
                continue;
            }
            match left.checked_sub(warning.chars().count()) {
                Some(rest) => left = rest,
                None => break,
            }
            kept.push(warning);
        }
        (kept, self.audit_annotations)
    }
}

/// The warning of a failed call that is ignored.
pub(super) fn failed_and_ignored(policy: &PolicyName) -> String {
    format!("policy `{policy}` failed and was ignored")
}

/// The first notes, and how many more there would be.
#[derive(Debug, Default)]
struct Notes {
    told: Vec<String>,
    untold: usize,
}

impl Notes {
    fn add(&mut self, note: impl FnOnce() -> String) {
        if self.told.len() < MAX_NOTES {
            self.told.push(note());
        } else {
            self.untold = self.untold.saturating_add(1);
        }
    }

    fn into_vec(mut self) -> Vec<String> {
        if self.untold > 0 {
            let more = format!("{} more audit annotations left out", self.untold);
            self.told.push(more);
        }
        self.told
    }
}

/// Whether this is the name part of a qualified name (`k8s.io/apimachinery/pkg/util/validation`, `IsQualifiedName`).
fn is_name(name: &str) -> bool {
    let is_edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    name.len() <= MAX_KEY
        && is_edge(name.chars().next())
        && is_edge(name.chars().next_back())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}
