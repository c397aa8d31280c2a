//! A review from a file or from standard input.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use anyhow::Context;
use wire::review::Kind;

use crate::outcome::{Failed, OrFailed};

/// A review, as JSON.
#[derive(Debug)]
pub(super) struct Review {
    pub(super) kind: Kind,
    /// Byte for byte as it came, when it came as JSON.
    pub(super) json: Vec<u8>,
}

impl Review {
    /// Reads a review in JSON or YAML; the path `-` is standard input.
    pub(super) fn read(path: &Path) -> Result<Self, Failed> {
        let json = read_json(path)?;
        let kind = Kind::detect(&json).with_context(|| format!("{} holds no review", told(path))).hint(
            "an object becomes a review by `kind: AdmissionReview` around it; `debug: true` logs those of a cluster",
        )?;
        Ok(Self { kind, json })
    }
}

/// Reads a document in JSON or YAML; the path `-` is standard input.
pub(super) fn read_json(path: &Path) -> Result<Vec<u8>, Failed> {
    let name = told(path);
    let bytes = read(path).with_context(|| format!("failed to read the review from {name}"))?;
    Ok(to_json(bytes).with_context(|| format!("{name} is neither JSON nor YAML"))?)
}

fn told(path: &Path) -> String {
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

/// JSON stays as it is; everything else is read as YAML.
pub(super) fn to_json(bytes: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    if serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok() {
        return Ok(bytes);
    }
    let text = String::from_utf8(bytes).context("it is not text in UTF-8")?;
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
    fn json_stays_byte_for_byte() {
        let json = b"{ \"a\": 1.50 }".to_vec();
        assert_eq!(to_json(json.clone()).unwrap(), json);
    }

    #[test]
    fn yaml_becomes_json() {
        let json = to_json(b"kind: TokenReview\nspec: {token: \"1\"}\n".to_vec()).unwrap();
        assert_eq!(json, br#"{"kind":"TokenReview","spec":{"token":"1"}}"#);
    }

    #[test]
    fn what_is_neither_is_told_by_line() {
        let error = to_json(b"a: [1\nb: 2".to_vec()).unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }
}
