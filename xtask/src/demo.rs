//! `cargo xtask demo`: runs a kube-apiserver whose access decisions are made by the example modules.

use anyhow::Result;

use crate::context::Context;
use crate::setup::Setup;
use crate::{kube, process, setup};

/// Builds everything, then replaces this process with the demo, which runs until Ctrl-C.
pub fn run(context: &Context) -> Result<()> {
    setup::check(context)?;
    let setup = Setup::complete(context, kube::start(context)?)?;
    let mut demo = context.command(setup::binary(context, "demo")?);
    setup.apply(&mut demo);
    Err(process::exec(demo))
}
