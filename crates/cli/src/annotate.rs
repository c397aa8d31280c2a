//! `k8s-wasm annotate`: writes Kubewarden's metadata into a policy.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use host::{FileModules, ModuleSource};
use kubewarden::Metadata;

use crate::exit::Exit;
use crate::outcome::{Failed, OrFailed, Outcome};

/// The annotation that holds the manual of a policy.
const USAGE: &str = "io.kubewarden.policy.usage";

/// Write Kubewarden's metadata into a policy
///
/// The metadata says how the policy is run, what it is meant to be asked about and what it needs. An earlier annotation is
/// replaced.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Example, as the last step of a build:
  k8s-wasm annotate policy.wasm -m metadata.yml -u README.md -o annotated-policy.wasm")]
pub(crate) struct Args {
    /// The policy
    #[arg(value_name = "MODULE.wasm")]
    module: PathBuf,

    /// The metadata, YAML or JSON
    #[arg(long, short, value_name = "FILE")]
    metadata_path: PathBuf,

    /// The manual of the policy, Markdown
    #[arg(long, short, value_name = "FILE")]
    usage_path: Option<PathBuf>,

    /// Where the annotated policy is written
    #[arg(long, short, value_name = "FILE")]
    output_path: PathBuf,
}

/// Runs the command.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    let wasm = FileModules
        .read(&args.module)
        .with_context(|| format!("failed to read the module `{}`", args.module.display()))?;
    let mut metadata = read_metadata(&args.metadata_path)?;
    if let Some(path) = &args.usage_path {
        let usage = fs::read_to_string(path)
            .with_context(|| format!("failed to read `{}`", path.display()))?;
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(USAGE.to_owned(), usage);
    }
    let annotated = metadata
        .write_to(&wasm)
        .with_context(|| format!("`{}` is no module", args.module.display()))?;
    fs::write(&args.output_path, annotated)
        .with_context(|| format!("failed to write `{}`", args.output_path.display()))
        .environment()?;
    writeln!(out, "wrote {}", args.output_path.display())?;
    Ok(Exit::Yes)
}

fn read_metadata(path: &Path) -> Result<Metadata, Failed> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("failed to read the metadata `{}`", path.display()))?;
    let metadata: Metadata = serde_saphyr::from_str(&text).map_err(|error| {
        let plain = error.without_snippet().to_string();
        anyhow::anyhow!("`{}` is no metadata: {plain}", path.display())
    })?;
    metadata
        .check()
        .with_context(|| format!("`{}` cannot be used", path.display()))?;
    Ok(metadata)
}
