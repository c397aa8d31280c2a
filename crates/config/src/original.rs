//! The `AdmissionConfiguration` of kube-apiserver with the plugin `WASM`.
//!
//! The original project, dvob/k8s-wasm, built a kube-apiserver with this plugin, whose
//! configuration is inline or in the file that `path` names. The kube-apiserver that this project
//! builds (`apiserver/`) has the plugin too, so the format remains. The other formats of the
//! original project, lists of `modules:`, are sections of the configuration.
//!
//! The file belongs to kube-apiserver (`apiserver.config.k8s.io/v1`): other plugins in it are
//! skipped, whatever they contain.

use std::path::Path;

use serde::de::IgnoredAny;

use crate::diagnostics::{ConfigError, ConfigErrors};
use crate::document::{Document, Located, Step};

const KIND: &str = "AdmissionConfiguration";
const PLUGIN: &str = "WASM";

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline {
    kind: Option<Located<String>>,
    #[serde(default)]
    plugins: Vec<Plugin>,
}

#[derive(serde::Deserialize)]
struct Plugin {
    name: Located<String>,
    path: Option<Located<String>>,
    configuration: Option<IgnoredAny>,
}

/// Returns the configuration of the plugin `WASM`: a part of the document, or the file that the
/// plugin names. Calls `before_read` with the path of that file.
///
/// # Errors
/// If the document is not an `AdmissionConfiguration`, does not configure the plugin, or names a
/// file that cannot be read.
pub(crate) fn plugin_configuration(
    document: &Document,
    before_read: &dyn Fn(&Path),
) -> Result<Document, ConfigErrors> {
    let outline: Outline = document.parse()?;
    check_kind(document, &outline)?;
    let plugins = document.root().field("plugins");
    let found = outline
        .plugins
        .iter()
        .enumerate()
        .find(|(_, plugin)| plugin.name.value == PLUGIN);
    let Some((index, plugin)) = found else {
        let error = plugins.error_without_position(format!("has no plugin `{PLUGIN}`"));
        let hint = format!("add an entry with `name: {PLUGIN}`");
        return Err(error.with_hint(Some(hint)).into());
    };
    match (&plugin.path, &plugin.configuration) {
        (Some(path), None) if !path.value.is_empty() => {
            Document::read(&document.resolve_path(&path.value), before_read)
        }
        // A second pass over the text, so that errors keep their line and field.
        (None, Some(_)) => Ok(document.part([
            Step::Member("plugins"),
            Step::Item(index),
            Step::Member("configuration"),
        ])),
        _ => {
            let message = "needs either `path` or `configuration`";
            Err(plugins.item(index).error(&plugin.name, message).into())
        }
    }
}

fn check_kind(document: &Document, outline: &Outline) -> Result<(), ConfigError> {
    let scope = document.root().field("kind");
    match &outline.kind {
        Some(kind) if kind.value == KIND => Ok(()),
        Some(kind) => Err(scope.error(kind, format!("is `{}`, expected `{KIND}`", kind.value))),
        None => Err(scope.error_without_position(format!("is missing, expected `{KIND}`"))),
    }
}
