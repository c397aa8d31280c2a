//! The calling conventions, each implemented once for all runtimes.

use anyhow::{Result, bail, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::host::wapc::OPERATION;
use crate::instance::CoreInstance;

/// A way to pass bytes to a module and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Convention {
    /// Memory that the guest allocates, and the host writes and reads
    Raw,
    /// Standard input and output of WASI
    Stdio,
    /// The protocol of waPC
    Wapc,
    /// A component with a function from bytes to bytes
    Component,
}

impl Convention {
    /// Returns the name in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Stdio => "stdio",
            Self::Wapc => "wapc",
            Self::Component => "component",
        }
    }
}

/// Calls an instance of a core module.
pub fn call(
    instance: &mut dyn CoreInstance,
    convention: Convention,
    input: &[u8],
) -> Result<Vec<u8>> {
    match convention {
        Convention::Raw => raw(instance, input),
        Convention::Stdio => stdio(instance, input),
        Convention::Wapc => wapc(instance, input),
        Convention::Component => bail!("a core module is not a component"),
    }
}

fn raw(instance: &mut dyn CoreInstance, input: &[u8]) -> Result<Vec<u8>> {
    let room = instance.alloc(u32::try_from(input.len())?)?;
    instance.write(room, input)?;
    let place = instance.raw(room, u32::try_from(input.len())?)?;
    let (at, length) = ((place >> 32) as u32, place as u32);
    let mut response = vec![0; usize::try_from(length)?];
    instance.read(at, &mut response)?;
    Ok(response)
}

fn stdio(instance: &mut dyn CoreInstance, input: &[u8]) -> Result<Vec<u8>> {
    instance.exchange().begin(input);
    let outcome = instance.run("stdio");
    let exchange = instance.exchange();
    match outcome {
        Ok(()) => Ok(std::mem::take(&mut exchange.output)),
        Err(error) if exchange.log.is_empty() => Err(error),
        Err(error) => {
            let log = String::from_utf8_lossy(&exchange.log);
            bail!("{}; log of the guest: {log}", error.root_cause())
        }
    }
}

fn wapc(instance: &mut dyn CoreInstance, input: &[u8]) -> Result<Vec<u8>> {
    instance.exchange().begin(input);
    let success =
        instance.guest_call(u32::try_from(OPERATION.len())?, u32::try_from(input.len())?)?;
    ensure!(success == 1, "the guest returned {success}");
    Ok(std::mem::take(&mut instance.exchange().output))
}
