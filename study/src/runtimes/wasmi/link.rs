//! The host's functions in wasmi, which takes errors of the host as text.

crate::runtimes::link::define_linker!(wasmi, |cause: anyhow::Error| ::wasmi::Error::new(format!(
    "{cause:#}"
)));
