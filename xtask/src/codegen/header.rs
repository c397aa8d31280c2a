//! The header of the C ABI, generated from the documented items of `crates/capi`.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use cbindgen::{Builder, Config};

/// The path of the committed header.
pub const PATH: &str = "crates/capi/include/k8s_wasm.h";

/// The source files with exported items, in the order of the header.
const SOURCES: [&str; 5] = ["types", "ffi", "report", "open", "evaluate"];

/// Generates the header.
pub fn generate(root: &Path) -> Result<String> {
    let folder = root.join("crates/capi");
    let config = Config::from_file(folder.join("cbindgen.toml")).map_err(|error| anyhow!(error))?;
    let builder = SOURCES.iter().fold(Builder::new(), |builder, source| {
        builder.with_src(folder.join(format!("src/{source}.rs")))
    });
    let bindings = builder
        .with_config(config)
        .generate()
        .context("cannot generate the header of the C ABI")?;
    let mut header = Vec::new();
    bindings.write(&mut header);
    Ok(String::from_utf8(header)?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::context::Context;

    #[test]
    fn the_committed_header_matches_the_sources() {
        let root = Context::new().unwrap().root;
        let committed = fs::read_to_string(root.join(PATH)).unwrap();
        let is_up_to_date = committed == generate(&root).unwrap();
        assert!(is_up_to_date, "run `cargo xtask codegen`");
    }

    #[test]
    fn the_header_has_every_exported_function() {
        let root = Context::new().unwrap().root;
        let header = generate(&root).unwrap();
        for entry in fs::read_dir(root.join("crates/capi/src")).unwrap() {
            let source = fs::read_to_string(entry.unwrap().path()).unwrap();
            let exported = source.split("#[unsafe(no_mangle)]").skip(1);
            for (_, rest) in exported.filter_map(|text| text.split_once("fn ")) {
                let name = rest.split('(').next().unwrap_or_default();
                assert!(
                    header.contains(&format!("{name}(")),
                    "add the file of `{name}`"
                );
            }
        }
    }
}
