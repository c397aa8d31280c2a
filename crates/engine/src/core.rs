//! The core of the engine: compiling modules, and running one call of a module within its limits.
//!
//! The core does not know any calling convention. It defines the trait
//! [`Convention`](convention::Convention), and the conventions implement it.

pub(crate) mod backtrace;
pub(crate) mod byte_size;
pub(crate) mod cache;
pub(crate) mod call;
pub(crate) mod convention;
pub(crate) mod digest;
pub(crate) mod engine;
pub(crate) mod error;
pub(crate) mod exports;
pub(crate) mod imports;
pub(crate) mod inspect;
pub(crate) mod instance;
pub(crate) mod limits;
pub(crate) mod memory;
pub(crate) mod module;
pub(crate) mod options;
pub(crate) mod permits;
pub(crate) mod pool;
pub(crate) mod rewrite;
pub(crate) mod runtime;
pub(crate) mod state;
pub(crate) mod stop;
pub(crate) mod ticker;
pub(crate) mod usage;
