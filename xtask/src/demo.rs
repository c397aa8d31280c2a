//! `cargo xtask demo`: a kube-apiserver that obeys modules, to watch and to try.

use anyhow::Result;

use crate::context::Context;
use crate::setup::Setup;
use crate::{kube, process, setup};

/// Prepares everything, then becomes the demo, which stays up until Ctrl-C.
pub fn run(context: &Context) -> Result<()> {
    setup::check(context)?;
    let setup = Setup::complete(context, kube::start(context)?)?;
    let mut demo = context.command(setup::binary(context, "demo")?);
    setup.apply(&mut demo);
    Err(process::become_program(demo))
}
