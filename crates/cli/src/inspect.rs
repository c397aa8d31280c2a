//! `k8s-wasm inspect`: what a module says about itself. Nothing is compiled or run.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use engine::{ExternType, Inspection};
use host::config::Dialect;
use host::{FileModules, ModuleSource};
use kubewarden::Metadata;
use serde::Serialize;

use crate::exit::Exit;
use crate::report::Outcome;
use crate::table::Table;

/// Show what a module exports, imports and carries along
///
/// Reads the file only: nothing is compiled or run, so that it is safe for modules of strangers.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Example, which questions does this module answer, and does it want more than it gets?
  k8s-wasm inspect magic_validator.wasm")]
pub(crate) struct Args {
    /// The module
    #[arg(value_name = "MODULE.wasm")]
    module: PathBuf,

    /// What to print
    #[arg(long, short, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Runs the command.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    let bytes = FileModules
        .read(&args.module)
        .with_context(|| format!("failed to read the module `{}`", args.module.display()))?;
    let inspection = engine::inspect(&bytes)
        .with_context(|| format!("`{}` is no module", args.module.display()))?;
    let metadata = Metadata::of(&bytes, &inspection)
        .with_context(|| format!("`{}` has metadata", args.module.display()))?;
    let report = Report::of(&inspection, metadata);
    match args.output {
        Output::Text => report.write(out)?,
        Output::Json => {
            serde_json::to_writer_pretty(&mut *out, &report)?;
            writeln!(out)?;
        }
    }
    Ok(Exit::Yes)
}

/// What is shown of a module; also the JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    digest: String,
    size_bytes: u64,
    dialect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata>,
    entry_points: Vec<&'static str>,
    function_names: bool,
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
    fn of(module: &Inspection, metadata: Option<Metadata>) -> Self {
        Self {
            metadata,
            digest: module.digest.to_string(),
            size_bytes: module.size.bytes(),
            dialect: dialect(module),
            entry_points: wire::EntryPoint::ALL
                .map(wire::EntryPoint::as_str)
                .into_iter()
                .filter(|name| is_entry_point(module, name))
                .collect(),
            function_names: module.has_function_names(),
            exports: module.exports.iter().map(Export::of).collect(),
            imports: module.imports.iter().map(Import::of).collect(),
            memories: module.memories.iter().map(Memory::of).collect(),
            custom_sections: module
                .custom_sections
                .iter()
                .map(CustomSection::of)
                .collect(),
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let entry_points = if self.entry_points.is_empty() {
            "none".to_owned()
        } else {
            self.entry_points.join(", ")
        };
        let names = if self.function_names {
            "yes"
        } else {
            "no, a trap cannot say where it happened"
        };
        let mut table = Table::default();
        table.row(["digest:", &self.digest]);
        table.row(["size:", &format!("{} bytes", self.size_bytes)]);
        table.row(["dialect:", self.dialect]);
        table.row(["entry points:", &entry_points]);
        table.row(["function names:", names]);
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

/// What a Kubewarden policy says about itself.
fn write_metadata(out: &mut dyn Write, metadata: &Metadata) -> io::Result<()> {
    let yes = |is: bool| if is { "yes" } else { "no" };
    writeln!(out, "metadata:")?;
    let mut table = Table::default();
    table.row(["mode:", metadata.execution_mode.as_str()]);
    table.row(["mutating:", yes(metadata.mutating)]);
    table.row(["background audit:", yes(metadata.background_audit)]);
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
        table.row(["needs:", &format!("Kubewarden {version}")]);
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

fn dialect(module: &Inspection) -> &'static str {
    match host::detect_protocol(module) {
        Dialect::Wasi => "wasi",
        Dialect::Kubewarden => "kubewarden",
    }
}

impl Export {
    fn of(export: &engine::Export) -> Self {
        Self {
            name: export.name.clone(),
            r#type: export.ty.to_string(),
        }
    }
}

impl Import {
    fn of(import: &engine::Import) -> Self {
        Self {
            module: import.module.clone(),
            name: import.name.clone(),
            r#type: import.ty.to_string(),
        }
    }
}

impl Memory {
    fn of(memory: &engine::MemoryType) -> Self {
        Self {
            initial_bytes: memory.initial.bytes(),
            maximum_bytes: memory.maximum.map(engine::ByteSize::bytes),
            text: memory.to_string().trim_start_matches("of ").to_owned(),
        }
    }
}

impl CustomSection {
    fn of(section: &engine::CustomSection) -> Self {
        Self {
            name: section.name.clone(),
            size_bytes: section.range.len(),
        }
    }
}
