//! Which dialect a module speaks, told from the file alone, never guessed at call time.

use engine::Inspection;

use config::Dialect;

/// Kubewarden writes its metadata into this custom section.
const KUBEWARDEN_SECTION: &str = "io.kubewarden.metadata";
/// The export that a waPC guest is called by.
const WAPC_EXPORT: &str = "__guest_call";
/// The exports of a policy compiled by OPA start with this.
const OPA_PREFIX: &str = "opa_";

/// The dialect of a module: Kubewarden's when it has the metadata section or the exports of waPC or OPA, otherwise ours.
#[must_use]
pub fn detect(module: &Inspection) -> Dialect {
    let section = module
        .custom_sections
        .iter()
        .any(|section| section.name == KUBEWARDEN_SECTION);
    let export = module
        .exports
        .iter()
        .any(|export| export.name == WAPC_EXPORT || export.name.starts_with(OPA_PREFIX));
    if section || export {
        Dialect::Kubewarden
    } else {
        Dialect::Wasi
    }
}
