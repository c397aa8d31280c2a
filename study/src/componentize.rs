//! Conversion of core modules to components: adds the type of the world, and the adapter from WASI
//! preview 1 to 0.2.

use std::path::Path;

use anyhow::{Context as _, Result};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as ADAPTER_NAME,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as ADAPTER,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const WIT: &str = include_str!("../guests/wit/study.wit");

/// Converts a core module that exports the canonical ABI of the world `program`.
pub fn componentize(core: &Path, component: &Path) -> Result<()> {
    let mut wasm =
        std::fs::read(core).with_context(|| format!("cannot read `{}`", core.display()))?;
    let mut resolve = Resolve::default();
    let package = resolve.push_source("study.wit", WIT)?;
    let world = resolve.select_world(&[package], Some("program"))?;
    embed_component_metadata(&mut wasm, &resolve, world, StringEncoding::UTF8)?;
    let encoded = ComponentEncoder::default()
        .module(&wasm)?
        .adapter(ADAPTER_NAME, ADAPTER)?
        .validate(true)
        .encode()
        .with_context(|| format!("cannot convert `{}` to a component", core.display()))?;
    Ok(std::fs::write(component, encoded)?)
}
