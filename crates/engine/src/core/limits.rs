//! Limits of a call, and the accounting of memory and tables while it runs.

use wasmtime::ResourceLimiter;

use crate::core::byte_size::ByteSize;

/// Maximum number of elements in the tables of one module; also the size of a table in the pool.
///
/// Every function that a program calls through a pointer is an element, so the number grows with
/// the program: large Go programs have some ten thousand.
pub(crate) const MAX_TABLE_ELEMENTS: u32 = 100_000;

/// The limits of one call. There is no unlimited value; [`Limits::default`] defines the defaults.
///
/// The deadline, the remaining limit, is a separate argument of each call.
///
/// ```
/// use engine::{ByteSize, Limits};
///
/// let limits = Limits {
///     memory: ByteSize::mib(32),
///     stdout: ByteSize::kib(64),
///     ..Limits::default()
/// };
/// assert_eq!(limits.stdin, ByteSize::mib(16));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Size of all linear memories of the instance together. Capped at
    /// [`Options::max_memory`](crate::Options::max_memory).
    pub memory: ByteSize,
    /// Number of elements of all tables of the instance together. Capped at 100,000.
    pub table_elements: u32,
    /// Size of the input: the request that the module reads.
    pub stdin: ByteSize,
    /// Size of the output: the response of the module. A call that exceeds it fails.
    pub stdout: ByteSize,
    /// Size of the log that is kept. The rest is dropped, and a last line in the log says so; the
    /// call continues.
    pub stderr: ByteSize,
    /// Number of host calls. A call that exceeds it fails.
    pub host_calls: u32,
    /// Size of all replies to host calls together. A call that exceeds it fails.
    pub host_replies: ByteSize,
    /// Share of the engine's permits and queue that such calls may occupy together.
    pub share: Share,
}

/// The share of an engine's permits and queue that a class of calls may occupy together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Share {
    /// All permits and the whole queue.
    #[default]
    Whole,
    /// Three quarters, together with all other calls of this share. The remaining quarter is
    /// reserved for calls of [`Share::Whole`].
    ThreeQuarters,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // An AdmissionReview contains up to two objects of about 1.5 MiB; a program needs ten
            // to thirty times that to parse the JSON.
            memory: ByteSize::mib(128),
            table_elements: MAX_TABLE_ELEMENTS,
            stdin: ByteSize::mib(16),
            stdout: ByteSize::mib(16),
            stderr: ByteSize::kib(64),
            // A policy reads a few objects; one that verifies each image of a pod makes dozens of
            // host calls.
            host_calls: 1000,
            // A list of a large cluster's namespaces or bindings has some megabytes.
            host_replies: ByteSize::mib(64),
            share: Share::Whole,
        }
    }
}

/// The memory and table use of one call.
///
/// A refused growth returns -1 to the module, as WebAssembly specifies; most programs then abort,
/// and [`Quota::exceeded`] explains why.
pub(crate) struct Budget {
    pub(crate) memory: Quota,
    pub(crate) tables: Quota,
}

/// The use of one resource, in its own unit (bytes or elements).
pub(crate) struct Quota {
    /// Maximum use.
    pub(crate) limit: usize,
    /// Current use, and also the peak: neither memories nor tables shrink.
    pub(crate) used: usize,
    /// True if a growth beyond the limit was refused.
    pub(crate) exceeded: bool,
}

impl Budget {
    /// Creates the budget of a call under `limits` in an engine with memories of `max_memory`.
    pub(crate) fn new(limits: &Limits, max_memory: ByteSize) -> Self {
        let tables = limits.table_elements.min(MAX_TABLE_ELEMENTS);
        Self {
            memory: Quota::new(limits.memory.min(max_memory).as_len()),
            tables: Quota::new(usize::try_from(tables).unwrap_or(usize::MAX)),
        }
    }
}

impl Quota {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            used: 0,
            exceeded: false,
        }
    }

    /// Accounts for a growth from `current` to `desired` if it fits. Returns whether it does.
    ///
    /// `maximum` is the bound that the module (or the pool) declares. Growth beyond it fails in any
    /// case, so it must not be accounted for.
    fn grow(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        if used > self.limit {
            self.exceeded = true;
            return false;
        }
        if maximum.is_some_and(|maximum| desired > maximum) {
            return false;
        }
        self.used = used;
        true
    }
}

impl ResourceLimiter for Budget {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.memory.grow(current, desired, maximum))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.tables.grow(current, desired, maximum))
    }

    /// Records growth past 4 GiB, for which `memory_growing` is not called, and growth that fails
    /// because the operating system has no memory left.
    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory.exceeded = true;
        Ok(())
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.tables.exceeded = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_the_sum_of_all_memories() {
        let mut quota = Quota::new(100);
        assert!(quota.grow(0, 60, None));
        assert!(quota.grow(0, 40, None));
        assert!(!quota.grow(40, 41, None));
        assert!(quota.exceeded);
        assert_eq!(quota.used, 100);
    }

    #[test]
    fn does_not_report_growth_beyond_the_maximum_of_the_module_as_exceeded() {
        let mut quota = Quota::new(100);
        assert!(!quota.grow(0, 60, Some(50)));
        assert!(!quota.exceeded);
        assert_eq!(quota.used, 0);
    }

    #[test]
    fn caps_limits_at_the_memory_size_of_the_pool() {
        let limits = Limits {
            memory: ByteSize::gib(3),
            ..Limits::default()
        };
        assert_eq!(Budget::new(&limits, ByteSize::mib(1)).memory.limit, 1 << 20);
    }
}
