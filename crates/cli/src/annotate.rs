//! `k8s-wasm annotate`: adds Kubewarden metadata to a policy.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use host::{FileModules, ModuleSource};
use kubewarden::Metadata;

use crate::outcome::{CommandError, Exit, Outcome, ResultExt};

/// The annotation that contains the documentation of a policy.
const USAGE: &str = "io.kubewarden.policy.usage";

/// Add Kubewarden metadata to a policy
///
/// The metadata contains the execution mode of the policy, its rules and the capabilities that it
/// requires. It replaces existing metadata.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  # Annotate a policy as the last step of a build
  k8s-wasm annotate policy.wasm -m metadata.yml -u README.md -o annotated-policy.wasm")]
pub(crate) struct Args {
    /// Policy to annotate
    #[arg(value_name = "MODULE.wasm")]
    module: PathBuf,

    /// Metadata, in YAML or JSON
    #[arg(long, short, value_name = "FILE")]
    metadata_path: PathBuf,

    /// Documentation of the policy, in Markdown
    #[arg(long, short, value_name = "FILE")]
    usage_path: Option<PathBuf>,

    /// Output file
    #[arg(long, short, value_name = "FILE")]
    output_path: PathBuf,
}

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
        .with_context(|| format!("`{}` is not a WebAssembly module", args.module.display()))?;
    fs::write(&args.output_path, annotated)
        .with_context(|| format!("failed to write `{}`", args.output_path.display()))
        .with_exit(Exit::Failure)?;
    writeln!(out, "wrote {}", args.output_path.display())?;
    Ok(Exit::Success)
}

fn read_metadata(path: &Path) -> Result<Metadata, CommandError> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("failed to read the metadata `{}`", path.display()))?;
    let metadata: Metadata = serde_saphyr::from_str(&text)
        .map_err(|error| anyhow!(error.without_snippet().to_string()))
        .with_context(|| format!("invalid metadata in `{}`", path.display()))?;
    metadata
        .check()
        .with_context(|| format!("invalid metadata in `{}`", path.display()))?;
    Ok(metadata)
}
