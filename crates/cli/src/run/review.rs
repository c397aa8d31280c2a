//! Reviews in files and on standard input.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use anyhow::Context;
use wire::review::Kind;

use crate::outcome::{CommandError, ResultExt};

/// A review, as JSON.
#[derive(Debug)]
pub(super) struct Review {
    pub(super) kind: Kind,
    /// Byte for byte the input if that was JSON.
    pub(super) json: Vec<u8>,
}

impl Review {
    /// Reads a review in JSON or YAML; the path `-` is standard input.
    pub(super) fn read(path: &Path) -> Result<Self, CommandError> {
        let json = read_json(path)?;
        let kind = Kind::detect(&json)
            .with_context(|| format!("{} does not contain a review", source_name(path)))
            .with_hint(
                "wrap objects in an AdmissionReview; the server logs the reviews of policies with `debug: true`",
            )?;
        Ok(Self { kind, json })
    }
}

/// Reads a document in JSON or YAML; the path `-` is standard input.
pub(super) fn read_json(path: &Path) -> Result<Vec<u8>, CommandError> {
    let name = source_name(path);
    let bytes = read(path).with_context(|| format!("failed to read the review from {name}"))?;
    Ok(to_json(bytes).with_context(|| format!("{name} is neither JSON nor YAML"))?)
}

fn source_name(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    fs::read(path)
}

/// Converts YAML into JSON. JSON stays unchanged.
pub(super) fn to_json(bytes: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    if serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok() {
        return Ok(bytes);
    }
    let text = String::from_utf8(bytes).context("invalid UTF-8")?;
    let value: serde_json::Value = serde_saphyr::from_str(&text).map_err(|error| {
        let plain = error.without_snippet().to_string();
        anyhow::anyhow!(plain.lines().next().unwrap_or_default().to_owned())
    })?;
    Ok(serde_json::to_vec(&value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_json_byte_for_byte() {
        let json = b"{ \"a\": 1.50 }".to_vec();
        assert_eq!(to_json(json.clone()).unwrap(), json);
    }

    #[test]
    fn converts_yaml_to_json() {
        let json = to_json(b"kind: TokenReview\nspec: {token: \"1\"}\n".to_vec()).unwrap();
        assert_eq!(json, br#"{"kind":"TokenReview","spec":{"token":"1"}}"#);
    }

    #[test]
    fn reports_the_line_of_a_syntax_error() {
        let error = to_json(b"a: [1\nb: 2".to_vec()).unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }
}
