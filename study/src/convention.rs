//! The ways to hand data to a module, each written once over what every runtime can do.

use anyhow::{Result, bail, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::host::wapc::OPERATION;
use crate::runtimes::Instance;

/// A way to hand data to a module and to get its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The guest makes room, the host writes, calls and reads
    Raw,
    /// Standard input and output of WASI
    Stdio,
    /// The protocol of waPC
    Wapc,
    /// A component with one function from bytes to bytes
    Component,
}

impl Way {
    /// What tables and files call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Stdio => "stdio",
            Self::Wapc => "wapc",
            Self::Component => "component",
        }
    }
}

/// Asks an instance of a core module.
pub fn ask(instance: &mut dyn Instance, way: Way, input: &[u8]) -> Result<Vec<u8>> {
    match way {
        Way::Raw => raw(instance, input),
        Way::Stdio => stdio(instance, input),
        Way::Wapc => wapc(instance, input),
        Way::Component => bail!("a core module is no component"),
    }
}

fn raw(instance: &mut dyn Instance, input: &[u8]) -> Result<Vec<u8>> {
    let room = instance.alloc(u32::try_from(input.len())?)?;
    instance.write(room, input)?;
    let place = instance.raw(room, u32::try_from(input.len())?)?;
    let (at, length) = ((place >> 32) as u32, place as u32);
    let mut answer = vec![0; usize::try_from(length)?];
    instance.read(at, &mut answer)?;
    Ok(answer)
}

fn stdio(instance: &mut dyn Instance, input: &[u8]) -> Result<Vec<u8>> {
    instance.exchange().begin(input);
    let outcome = instance.run("stdio");
    let exchange = instance.exchange();
    match outcome {
        Ok(()) => Ok(std::mem::take(&mut exchange.output)),
        Err(error) if exchange.log.is_empty() => Err(error),
        Err(error) => {
            let said = String::from_utf8_lossy(&exchange.log);
            bail!("{}; the guest said: {said}", error.root_cause())
        }
    }
}

fn wapc(instance: &mut dyn Instance, input: &[u8]) -> Result<Vec<u8>> {
    instance.exchange().begin(input);
    let success =
        instance.guest_call(u32::try_from(OPERATION.len())?, u32::try_from(input.len())?)?;
    ensure!(success == 1, "the guest answered {success}");
    Ok(std::mem::take(&mut instance.exchange().output))
}
