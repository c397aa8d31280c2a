//! The store of an instance in wasmi.

use anyhow::Result;
use wasmi::{Engine, Memory, Store, StoreLimits, StoreLimitsBuilder};

use crate::host::Exchange;
use crate::runtime::{FUEL, MAX_MEMORY};

/// The data of one instance.
pub struct Data {
    pub exchange: Exchange,
    limits: StoreLimits,
    /// Memory of the guest; set by the first call of a host function.
    pub memory: Option<Memory>,
}

/// Creates a store with limits for one instance.
pub fn store(engine: &Engine) -> Result<Store<Data>> {
    let data = Data {
        exchange: Exchange::default(),
        limits: StoreLimitsBuilder::new().memory_size(MAX_MEMORY).build(),
        memory: None,
    };
    let mut store = Store::new(engine, data);
    store.limiter(|data| &mut data.limits);
    store.set_fuel(FUEL)?;
    Ok(store)
}
