//! Warnings for the user and annotations for the audit log, which accompany either decision.
//!
//! Notices that kube-apiserver would drop, or that would make it drop others, are dropped here,
//! with a note for the author of the module.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::policy::PolicyName;
use crate::text;

/// The maximum length of a warning in characters. kube-apiserver truncates warnings to this length
/// if there are too many.
const MAX_WARNING: usize = 256;

/// The maximum length of all warnings of a response in characters
/// (`k8s.io/apiserver/pkg/endpoints/filters/warning.go`).
const MAX_WARNINGS: usize = 4096;

/// The maximum length of an annotation key in bytes: that of the name part of a qualified name.
const MAX_KEY: usize = 63;

/// The maximum number of notes on one response. A module may return millions of invalid keys.
const MAX_NOTES: usize = 16;

/// The warnings and annotations of all policies.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// The host's own warnings about ignored failures of policies in mode `protect`. They come
    /// first, so that no module can crowd them out.
    ignored_failures: Vec<String>,
    warnings: Vec<String>,
    audit_annotations: BTreeMap<String, String>,
}

impl Notices {
    /// Adds a warning about an ignored failure.
    pub(super) fn add_ignored_failure(&mut self, policy: &PolicyName) {
        self.ignored_failures.push(ignored_failure(policy));
    }

    /// Adds the warnings and annotations of one policy. Returns notes on dropped ones.
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
                        "dropped audit annotation `{}`: `<policy>.<key>` must have at most {MAX_KEY} letters, digits, \
                         `-`, `_` and `.`, and start and end with a letter or digit",
                        text::line(&key, MAX_WARNING)
                    )
                });
                continue;
            }
            // Policy `a.b` with key `c` collides with policy `a` with key `b.c`.
            match self.audit_annotations.entry(full) {
                Entry::Vacant(vacant) => {
                    vacant.insert(value);
                }
                Entry::Occupied(taken) => notes.add(|| {
                    format!(
                        "dropped audit annotation `{key}`: another policy set `{}`",
                        taken.key()
                    )
                }),
            }
        }
        notes.into_vec()
    }

    /// Returns the warnings within the limits, and the annotations.
    pub(super) fn into_parts(self) -> (Vec<String>, BTreeMap<String, String>) {
        let mut left = MAX_WARNINGS;
        let (mut kept, mut seen) = (Vec::new(), BTreeSet::new());
        for warning in self.ignored_failures.iter().chain(&self.warnings) {
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

/// Formats the warning about an ignored failure.
pub(super) fn ignored_failure(policy: &PolicyName) -> String {
    format!("policy `{policy}` failed and was ignored")
}

/// The first notes, and the number of further ones.
#[derive(Debug, Default)]
struct Notes {
    first: Vec<String>,
    further: usize,
}

impl Notes {
    fn add(&mut self, note: impl FnOnce() -> String) {
        if self.first.len() < MAX_NOTES {
            self.first.push(note());
        } else {
            self.further = self.further.saturating_add(1);
        }
    }

    fn into_vec(mut self) -> Vec<String> {
        if self.further > 0 {
            let more = format!("dropped {} more audit annotations", self.further);
            self.first.push(more);
        }
        self.first
    }
}

/// Returns whether this is the name part of a qualified name
/// (`k8s.io/apimachinery/pkg/util/validation`, `IsQualifiedName`).
fn is_name(name: &str) -> bool {
    let is_edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    name.len() <= MAX_KEY
        && is_edge(name.chars().next())
        && is_edge(name.chars().next_back())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}
