//! The functions of the host in wasmtime.

crate::runtimes::link::define_linker!(wasmtime, ::wasmtime::Error::from_anyhow);
