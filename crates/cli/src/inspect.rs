//! `k8s-wasm inspect`: exports, imports and metadata of a module.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use engine::{ExternType, Inspection};
use host::{FileModules, ModuleSource};
use kubewarden::Metadata;
use serde::Serialize;

use crate::outcome::{Exit, Outcome};
use crate::terminal::Table;

/// The functions that the module specification defines.
const ENTRY_POINTS: [&str; 4] = ["authn", "authz", "validate", "mutate"];

/// Show the exports, imports and metadata of a module
///
/// Only reads the file; nothing is compiled or run. This is safe for untrusted modules.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  # Show the entry points of a module, and the functions that it imports
  k8s-wasm inspect magic_validator.wasm")]
pub(crate) struct Args {
    /// Module to inspect
    #[arg(value_name = "MODULE.wasm")]
    module: PathBuf,

    /// Output format
    #[arg(long, short, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// The output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// Human-readable text
    Text,
    /// JSON
    Json,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    let bytes = FileModules
        .read(&args.module)
        .with_context(|| format!("failed to read the module `{}`", args.module.display()))?;
    let inspection = engine::inspect(&bytes)
        .with_context(|| format!("`{}` is not a WebAssembly module", args.module.display()))?;
    let metadata = Metadata::from_module(&bytes, &inspection)
        .with_context(|| format!("invalid metadata in `{}`", args.module.display()))?;
    let report = Report::new(&inspection, metadata);
    match args.output {
        Output::Text => report.write(out)?,
        Output::Json => {
            serde_json::to_writer_pretty(&mut *out, &report)?;
            writeln!(out)?;
        }
    }
    Ok(Exit::Success)
}

/// The properties of a module. Its JSON is the output of `-o json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    digest: String,
    size_bytes: u64,
    protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata>,
    entry_points: Vec<&'static str>,
    has_function_names: bool,
    exports: Vec<Export>,
    imports: Vec<Import>,
    memories: Vec<Memory>,
    custom_sections: Vec<CustomSection>,
}

#[derive(Debug, Serialize)]
struct Export {
    name: String,
    r#type: String,
}

#[derive(Debug, Serialize)]
struct Import {
    module: String,
    name: String,
    r#type: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Memory {
    initial_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_bytes: Option<u64>,
    #[serde(skip)]
    text: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CustomSection {
    name: String,
    size_bytes: usize,
}

impl Report {
    fn new(module: &Inspection, metadata: Option<Metadata>) -> Self {
        Self {
            metadata,
            digest: module.digest.to_string(),
            size_bytes: module.size.bytes(),
            protocol: protocol(module),
            entry_points: ENTRY_POINTS
                .into_iter()
                .filter(|name| is_entry_point(module, name))
                .collect(),
            has_function_names: module.has_function_names(),
            exports: module.exports.iter().map(Export::new).collect(),
            imports: module.imports.iter().map(Import::new).collect(),
            memories: module.memories.iter().map(Memory::new).collect(),
            custom_sections: module
                .custom_sections
                .iter()
                .map(CustomSection::new)
                .collect(),
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let entry_points = if self.entry_points.is_empty() {
            "none".to_owned()
        } else {
            self.entry_points.join(", ")
        };
        let function_names = if self.has_function_names {
            "yes"
        } else {
            "no (backtraces of traps lack function names)"
        };
        let mut table = Table::default();
        table.row(["digest:", &self.digest]);
        table.row(["size:", &format!("{} bytes", self.size_bytes)]);
        table.row(["protocol:", self.protocol]);
        table.row(["entry points:", &entry_points]);
        table.row(["function names:", function_names]);
        for memory in &self.memories {
            table.row(["memory:", &memory.text]);
        }
        table.write(out, "")?;
        if let Some(metadata) = &self.metadata {
            write_metadata(out, metadata)?;
        }
        write_list(
            out,
            "exports",
            self.exports
                .iter()
                .map(|export| [export.name.clone(), export.r#type.clone()]),
        )?;
        write_list(
            out,
            "imports",
            self.imports.iter().map(|import| {
                [
                    format!("{}.{}", import.module, import.name),
                    import.r#type.clone(),
                ]
            }),
        )?;
        write_list(
            out,
            "custom sections",
            self.custom_sections.iter().map(|section| {
                [
                    section.name.clone(),
                    format!("{} bytes", section.size_bytes),
                ]
            }),
        )
    }
}

/// Writes the metadata of a Kubewarden policy.
fn write_metadata(out: &mut dyn Write, metadata: &Metadata) -> io::Result<()> {
    let yes_or_no = |value: bool| if value { "yes" } else { "no" };
    writeln!(out, "metadata:")?;
    let mut table = Table::default();
    table.row(["execution mode:", metadata.execution_mode.as_str()]);
    table.row(["mutating:", yes_or_no(metadata.mutating)]);
    table.row(["background audit:", yes_or_no(metadata.background_audit)]);
    for rule in &metadata.rules {
        let resources = rule.resources.join(", ");
        let (groups, versions) = (rule.api_groups.join(", "), rule.api_versions.join(", "));
        let operations = rule.operations.join(", ");
        let text =
            format!("{operations} of {resources} (groups `{groups}`, versions `{versions}`)");
        table.row(["rule:", &text]);
    }
    for resource in &metadata.context_aware_resources {
        let text = format!("{} {}", resource.api_version, resource.kind);
        table.row(["reads:", &text]);
    }
    for capability in metadata.host_capabilities.iter().flatten() {
        table.row(["calls:", capability]);
    }
    if let Some(version) = &metadata.minimum_kubewarden_version {
        table.row(["requires:", &format!("Kubewarden {version}")]);
    }
    for (key, value) in metadata.annotations.iter().flatten() {
        let first_line = value.lines().next().unwrap_or_default();
        table.row([&format!("{key}:"), first_line]);
    }
    table.write(out, "  ")
}

fn write_list(
    out: &mut dyn Write,
    title: &str,
    rows: impl ExactSizeIterator<Item = [String; 2]>,
) -> io::Result<()> {
    if rows.len() == 0 {
        return Ok(());
    }
    writeln!(out, "{title}:")?;
    let mut table = Table::default();
    rows.for_each(|row| table.row(row));
    table.write(out, "  ")
}

fn is_entry_point(module: &Inspection, name: &str) -> bool {
    let export = module.export(name);
    export.is_some_and(|export| matches!(&export.ty, ExternType::Function(ty) if ty.is_nullary()))
}

fn protocol(module: &Inspection) -> &'static str {
    if kubewarden::is_policy(module) {
        "kubewarden"
    } else {
        "k8s-wasm"
    }
}

impl Export {
    fn new(export: &engine::Export) -> Self {
        Self {
            name: export.name.clone(),
            r#type: export.ty.to_string(),
        }
    }
}

impl Import {
    fn new(import: &engine::Import) -> Self {
        Self {
            module: import.module.clone(),
            name: import.name.clone(),
            r#type: import.ty.to_string(),
        }
    }
}

impl Memory {
    fn new(memory: &engine::MemoryType) -> Self {
        Self {
            initial_bytes: memory.initial.bytes(),
            maximum_bytes: memory.maximum.map(engine::ByteSize::bytes),
            text: memory.to_string().trim_start_matches("of ").to_owned(),
        }
    }
}

impl CustomSection {
    fn new(section: &engine::CustomSection) -> Self {
        Self {
            name: section.name.clone(),
            size_bytes: section.range.len(),
        }
    }
}
