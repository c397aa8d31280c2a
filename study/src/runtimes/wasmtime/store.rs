//! The store of an instance in wasmtime.

use wasmtime::{Engine, Memory, Store, StoreLimits, StoreLimitsBuilder};

use crate::host::Exchange;
use crate::runtime::{DEADLINE_MILLIS, MAX_MEMORY};

/// The data of one instance.
pub struct Data {
    pub exchange: Exchange,
    limits: StoreLimits,
    /// Memory of the guest; set by the first call of a host function.
    pub memory: Option<Memory>,
}

/// Creates a store with limits for one instance.
pub fn store(engine: &Engine) -> Store<Data> {
    let data = Data {
        exchange: Exchange::default(),
        limits: StoreLimitsBuilder::new().memory_size(MAX_MEMORY).build(),
        memory: None,
    };
    let mut store = Store::new(engine, data);
    store.limiter(|data| &mut data.limits);
    store.set_epoch_deadline(DEADLINE_MILLIS);
    store
}
