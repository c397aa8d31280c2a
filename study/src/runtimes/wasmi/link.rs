//! The functions of the host in wasmi, which represents errors of the host as text.

crate::runtimes::link::define_linker!(wasmi, |cause: anyhow::Error| ::wasmi::Error::new(format!(
    "{cause:#}"
)));
