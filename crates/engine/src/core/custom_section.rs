//! Custom sections of a module that is not run: take some out, add one.

use wasm_encoder::{CustomSection, Module, RawSection};
use wasmparser::{Parser, Payload};

use crate::InspectError;
use crate::inspect::Malformed;

/// The module with one custom section of this name at its end, in place of all that it had.
///
/// # Errors
/// When the bytes are not a module.
pub fn replace_custom_section(
    wasm: &[u8],
    name: &str,
    content: &[u8],
) -> Result<Vec<u8>, InspectError> {
    crate::inspect(wasm)?;
    let mut out = Module::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(|error| InspectError::Malformed(Malformed::from(error)))?;
        let is_old = matches!(&payload, Payload::CustomSection(section) if section.name() == name);
        if let (false, Some((id, range))) = (is_old, payload.as_section()) {
            let data = wasm.get(range).unwrap_or_default();
            out.section(&RawSection { id, data });
        }
    }
    let section = CustomSection {
        name: name.into(),
        data: content.into(),
    };
    out.section(&section);
    Ok(out.finish())
}
