//! Exported functions of a module, found by name and checked against a signature.

use wasmtime::ModuleExport;

use crate::core::inspect::{ExternType, FunctionType, Inspection, ValueType};

/// The function that initializes a reactor. It is called once per instance, before any other
/// export. Source: the WASI application ABI.
pub(crate) const INITIALIZE: &str = "_initialize";

/// The exports of a compiled module.
pub(crate) struct Exports<'a> {
    inspection: &'a Inspection,
    compiled: &'a wasmtime::Module,
}

impl<'a> Exports<'a> {
    pub(crate) fn new(inspection: &'a Inspection, compiled: &'a wasmtime::Module) -> Self {
        Self {
            inspection,
            compiled,
        }
    }

    /// Returns true if there is an export named `name`.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.inspection.export(name).is_some()
    }

    /// Finds the exported function `name` with this signature.
    pub(crate) fn function(
        &self,
        name: &str,
        params: &[ValueType],
        results: &[ValueType],
    ) -> Result<ModuleExport, EntryError> {
        let expected = FunctionType {
            params: params.to_vec(),
            results: results.to_vec(),
        };
        check_function(self.inspection, name, &expected)?;
        let index = self.compiled.get_export_index(name);
        index.ok_or_else(|| missing(self.inspection, name, &expected))
    }

    /// Finds the exported function `name` without parameters and results, if there is an export of
    /// this name.
    pub(crate) fn optional_function(&self, name: &str) -> Result<Option<ModuleExport>, EntryError> {
        if self.contains(name) {
            self.function(name, &[], &[]).map(Some)
        } else {
            Ok(None)
        }
    }
}

/// Checks that `name` is an exported function of type `expected`.
pub(crate) fn check_function(
    inspection: &Inspection,
    name: &str,
    expected: &FunctionType,
) -> Result<(), EntryError> {
    let export = inspection
        .export(name)
        .ok_or_else(|| missing(inspection, name, expected))?;
    match &export.ty {
        ExternType::Function(ty) if **ty == *expected => Ok(()),
        ExternType::Function(ty) => Err(EntryError::Signature {
            export: name.to_owned(),
            found: Box::new((**ty).clone()),
            expected: Box::new(expected.clone()),
        }),
        other => Err(EntryError::NotAFunction {
            export: name.to_owned(),
            found: other.clone(),
        }),
    }
}

fn missing(inspection: &Inspection, name: &str, expected: &FunctionType) -> EntryError {
    let has_signature =
        |ty: &ExternType| matches!(ty, ExternType::Function(ty) if **ty == *expected);
    let exported = inspection
        .exports
        .iter()
        .filter(|export| has_signature(&export.ty))
        .map(|export| export.name.clone());
    EntryError::Missing {
        export: name.to_owned(),
        expected: Box::new(expected.clone()),
        exported: exported.collect(),
    }
}

/// An error for a module that does not follow the requested calling convention.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// The module does not export the function.
    #[error(
        "the module does not export `{export}`; it exports {}",
        format_names(exported, expected)
    )]
    Missing {
        /// Name of the missing export.
        export: String,
        /// Required signature.
        expected: Box<FunctionType>,
        /// Names of the exported functions with this signature.
        exported: Vec<String>,
    },
    /// The export is not a function.
    #[error("the export `{export}` is a {found}, not a function")]
    NotAFunction {
        /// Name of the export.
        export: String,
        /// Type of the export.
        found: ExternType,
    },
    /// The function has another signature.
    #[error(
        "the function `{export}` has the signature {found}, expected {}",
        format_signature(expected)
    )]
    Signature {
        /// Name of the export.
        export: String,
        /// Signature of the export.
        found: Box<FunctionType>,
        /// Required signature.
        expected: Box<FunctionType>,
    },
    /// The module imports a function that this calling convention does not provide.
    #[error(
        "the module imports `{module}.{name}`, but with this calling convention it may import only \
         from {}",
        format_list(importable)
    )]
    Import {
        /// Module name of the import.
        module: String,
        /// Name of the import.
        name: String,
        /// Module names that the calling convention provides.
        importable: Vec<&'static str>,
    },
    /// The imports of the module could not be linked.
    #[error("the imports of the module could not be linked")]
    Link(#[source] Box<dyn std::error::Error + Send + Sync>),
}

fn format_signature(expected: &FunctionType) -> String {
    if expected.is_nullary() {
        format!(
            "{expected}: the function takes no parameters and returns no results; it reads stdin \
             and writes stdout"
        )
    } else {
        expected.to_string()
    }
}

/// Formats the first names of a list: a module can export any number of functions.
fn format_names(names: &[String], expected: &FunctionType) -> String {
    const MAX_NAMES: usize = 12;
    let shown = names.get(..MAX_NAMES).unwrap_or(names);
    let shown = format_list(shown);
    match names.len() {
        0 if expected.is_nullary() => "no function without parameters and results".to_owned(),
        0 => format!("no function {expected}"),
        len if len <= MAX_NAMES => shown,
        len => format!("{shown} and {} more", len.saturating_sub(MAX_NAMES)),
    }
}

/// Formats names in backticks, separated by commas.
pub(crate) fn format_list(names: &[impl std::fmt::Display]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
