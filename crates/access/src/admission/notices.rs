//! What travels with either decision: warnings for the user, annotations for the audit log.
//!
//! What kube-apiserver would drop, or drop others for, is left out here, with a note for the author of the module.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::name::PolicyName;
use crate::text;

/// The longest warning, in characters: kube-apiserver cuts at this length when it has too many.
const MAX_WARNING: usize = 256;

/// All warnings of one answer, in characters (`k8s.io/apiserver/pkg/endpoints/filters/warning.go`).
const MAX_WARNINGS: usize = 4096;

/// The longest key of an annotation, in bytes: the name part of a qualified name.
const MAX_KEY: usize = 63;

/// The warnings and annotations of all policies.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// From the host, on policies that failed. These come first, so that no module can crowd them out.
    ignored: Vec<String>,
    warnings: Vec<String>,
    audit_annotations: BTreeMap<String, String>,
}

impl Notices {
    /// Warns of a failed call that is ignored.
    pub(super) fn ignored(&mut self, policy: &PolicyName) {
        self.ignored
            .push(format!("policy `{policy}` failed and was ignored"));
    }

    /// Takes the warnings and annotations of one policy; returns notes on what was left out.
    pub(super) fn add(
        &mut self,
        policy: &PolicyName,
        warnings: Vec<String>,
        audit_annotations: BTreeMap<String, String>,
    ) -> Vec<String> {
        self.warnings.extend(warnings);
        let mut notes = Vec::new();
        for (key, value) in audit_annotations {
            let full = format!("{policy}.{key}");
            if !is_name(&full) {
                notes.push(format!(
                    "audit annotation `{}` left out: `<policy>.<key>` must have at most {MAX_KEY} letters, digits, \
                     `-`, `_` and `.`, and start and end with a letter or a digit",
                    text::line(&key, MAX_WARNING)
                ));
                continue;
            }
            // The names `a.b` and `a` may meet with the keys `c` and `b.c`.
            match self.audit_annotations.entry(full) {
                Entry::Vacant(vacant) => {
                    vacant.insert(value);
                }
                Entry::Occupied(taken) => notes.push(format!(
                    "audit annotation `{key}` left out: another policy states `{}`",
                    taken.key()
                )),
            }
        }
        notes
    }

    /// The warnings within the limits, and the annotations.
    pub(super) fn into_parts(self) -> (Vec<String>, BTreeMap<String, String>) {
        let mut left = MAX_WARNINGS;
        let mut kept: Vec<String> = Vec::new();
        for warning in self.ignored.iter().chain(&self.warnings) {
            let warning = text::line(warning, MAX_WARNING);
            if warning.is_empty() || kept.contains(&warning) {
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
