//! The host's functions in wasmtime.

crate::runtimes::link::define_linker!(wasmtime, ::wasmtime::Error::from_anyhow);
