//! What one call may use, and the account that is kept while it runs.

use wasmtime::ResourceLimiter;

use crate::ByteSize;

/// The most elements that the tables of one module may have; also the size of a table's slot in the
/// pool.
///
/// Every function that a program calls through a pointer is an element, so this follows the size of
/// programs: large Go programs have some ten thousand.
pub(crate) const TABLE_ELEMENTS_MAX: u32 = 100_000;

/// What one call may use. There is no "unlimited": [`Limits::default`] is the table of defaults.
///
/// The deadline is the other limit of a call and comes with each call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// All linear memories of the instance together. More than
    /// [`Options::memory_max`](crate::Options::memory_max) is treated as that.
    pub memory: ByteSize,
    /// All tables of the instance together, in elements. At most 100,000 count.
    pub table_elements: u32,
    /// What the module may be given to read.
    pub stdin: ByteSize,
    /// What the module may answer. One byte more ends the call.
    pub stdout: ByteSize,
    /// What is kept of the module's log. The rest is dropped, and a last line says so; the call
    /// goes on.
    pub stderr: ByteSize,
    /// How often the module may ask its host. One more ends the call.
    pub host_calls: u32,
    /// How long all replies of the host together may be. One byte more ends the call.
    pub host_replies: ByteSize,
    /// How much of the engine's places such calls may take together.
    pub share: Share,
}

/// How many of an engine's places for running and waiting calls a class of calls may take together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Share {
    /// All of them.
    #[default]
    Whole,
    /// Three quarters, together with all other calls of this share, so that the calls that may take all of them always find
    /// some that are free, or taken by each other.
    ThreeQuarters,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // An AdmissionReview carries up to two objects of about 1.5 MiB; parsing JSON costs a
            // program ten to thirty times that.
            memory: ByteSize::mib(128),
            table_elements: TABLE_ELEMENTS_MAX,
            stdin: ByteSize::mib(16),
            stdout: ByteSize::mib(16),
            stderr: ByteSize::kib(64),
            // A policy asks for a few objects; one that checks each image of a pod asks dozens of times.
            host_calls: 1000,
            // Lists of a large cluster's namespaces or bindings have some megabytes.
            host_replies: ByteSize::mib(64),
            share: Share::Whole,
        }
    }
}

/// The account of one call: what its memories and tables use together, and whether it asked for
/// more.
///
/// A refused growth answers -1 to the module, as WebAssembly says; most programs then abort, and
/// [`Account::refused`] tells why.
pub(crate) struct Budget {
    pub(crate) memory: Account,
    pub(crate) tables: Account,
}

/// Use of one kind of resource, in its own unit (bytes, elements).
pub(crate) struct Account {
    /// The most that may be in use at once.
    pub(crate) limit: usize,
    /// In use now, and also the peak: neither memories nor tables shrink.
    pub(crate) used: usize,
    /// Whether more was asked for than the limit allows.
    pub(crate) refused: bool,
}

impl Budget {
    /// The account of a call under `limits`, in an engine whose slots hold `memory_max`.
    pub(crate) fn new(limits: &Limits, memory_max: ByteSize) -> Self {
        let tables = limits.table_elements.min(TABLE_ELEMENTS_MAX);
        Self {
            memory: Account::new(limits.memory.min(memory_max).as_len()),
            tables: Account::new(usize::try_from(tables).unwrap_or(usize::MAX)),
        }
    }
}

impl Account {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            used: 0,
            refused: false,
        }
    }

    /// Books growth from `current` to `desired` when it fits, and says whether it does.
    ///
    /// `maximum` is what the module itself (or the pool) declared: beyond it growth fails whatever
    /// we say, and nothing must be booked for it.
    fn grow(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        if used > self.limit {
            self.refused = true;
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

    /// Growth past 4 GiB (reported without asking first), or the operating system had no memory
    /// left.
    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory.refused = true;
        Ok(())
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.tables.refused = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_sum_of_all_memories() {
        let mut account = Account::new(100);
        assert!(account.grow(0, 60, None));
        assert!(account.grow(0, 40, None));
        assert!(!account.grow(40, 41, None));
        assert!(account.refused);
        assert_eq!(account.used, 100);
    }

    #[test]
    fn growth_beyond_the_modules_own_maximum_is_not_the_limits_doing() {
        let mut account = Account::new(100);
        assert!(!account.grow(0, 60, Some(50)));
        assert!(!account.refused);
        assert_eq!(account.used, 0);
    }

    #[test]
    fn limits_beyond_the_slot_are_those_of_the_slot() {
        let limits = Limits {
            memory: ByteSize::gib(3),
            ..Limits::default()
        };
        assert_eq!(Budget::new(&limits, ByteSize::mib(1)).memory.limit, 1 << 20);
    }
}
