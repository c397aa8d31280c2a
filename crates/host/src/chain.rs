//! The chains of a host.

use std::collections::HashMap;
use std::slice;

use access::{Entry, PolicyName};

use crate::policy::LoadedPolicy;
use crate::request::EvaluateError;

/// The policies of one plane in configured order.
///
/// `P` is the configuration of a policy as decisions depend on it, `M` the programs that the plane
/// supports.
#[derive(Debug)]
pub(crate) struct Chain<P, M> {
    entries: Vec<Entry<P, LoadedPolicy<M>>>,
    by_name: HashMap<PolicyName, usize>,
}

impl<P, M> Default for Chain<P, M> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            by_name: HashMap::new(),
        }
    }
}

impl<P, M> Chain<P, M> {
    /// Appends a policy.
    pub(crate) fn push(&mut self, policy: P, evaluator: LoadedPolicy<M>) {
        let index = self.entries.len();
        self.by_name
            .entry(evaluator.name().clone())
            .or_insert(index);
        self.entries.push(Entry { policy, evaluator });
    }

    /// Returns the policies in configured order.
    pub(crate) fn entries(&self) -> &[Entry<P, LoadedPolicy<M>>] {
        &self.entries
    }

    /// Returns the policy with a name.
    pub(crate) fn get(&self, name: &str) -> Option<&Entry<P, LoadedPolicy<M>>> {
        let index = self.by_name.get(name)?;
        self.entries.get(*index)
    }

    /// Returns the whole chain, or the chain that consists of the named policy.
    pub(crate) fn select(
        &self,
        policy: Option<&str>,
    ) -> Result<&[Entry<P, LoadedPolicy<M>>], EvaluateError> {
        match policy {
            None => Ok(&self.entries),
            Some(name) => match self.get(name) {
                Some(entry) => Ok(slice::from_ref(entry)),
                None => Err(EvaluateError::NoSuchPolicy(name.to_owned())),
            },
        }
    }
}
