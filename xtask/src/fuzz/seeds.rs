//! Initial inputs of the fuzz targets: `fuzz/seeds`, and inputs derived from vectors and stories.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Target;

/// Writes all seeds of a target into the folder `into`.
pub fn collect(root: &Path, target: Target, into: &Path) -> Result<()> {
    let mut seeds = files(&root.join("fuzz/seeds").join(target.name()))?;
    match target {
        Target::Configuration => {
            let stories = files(&root.join("tests/conformance/tests/stories"))?;
            seeds.extend(
                stories
                    .into_iter()
                    .filter(|(name, _)| name.ends_with(".yaml")),
            );
        }
        Target::Reviews | Target::GuestOutput | Target::Patches => {
            for plane in ["authn", "authz", "mutate", "validate"] {
                for (name, bytes) in files(&root.join("spec/vectors").join(plane))? {
                    let vector: Value = serde_json::from_slice(&bytes)
                        .with_context(|| format!("cannot read the vector `{plane}/{name}`"))?;
                    let seed = seed_from_vector(target, plane, &vector);
                    seeds.extend(seed.map(|seed| (format!("{plane}-{name}"), seed.into())));
                }
            }
        }
        Target::GuestPointers | Target::Registries => {}
    }
    for (name, bytes) in seeds {
        fs::write(into.join(name), bytes)?;
    }
    Ok(())
}

/// Reads the files directly in a folder; returns their names and contents.
fn files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let context = || format!("cannot read `{}`", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(context)? {
        let entry = entry.with_context(context)?;
        if entry.file_type().with_context(context)?.is_file() {
            let name = entry.file_name().to_string_lossy().into_owned();
            files.push((name, fs::read(entry.path()).with_context(context)?));
        }
    }
    Ok(files)
}

/// Derives the input of a target from a vector, if the vector has one.
fn seed_from_vector(target: Target, plane: &str, vector: &Value) -> Option<String> {
    let step = &vector["settings"]["do"][0];
    match target {
        Target::Reviews => Some(vector["request"].to_string()),
        Target::GuestOutput => {
            // The numbering of policies in `fuzz/targets/guest_output.rs`.
            let policy = match plane {
                "authn" => '0',
                "authz" => '1',
                "validate" => '3',
                _ => '4',
            };
            let answer = step.get("answer")?;
            Some(format!("{policy}{{\"response\":{answer}}}"))
        }
        Target::Patches => {
            let object = vector.pointer("/request/request/object")?;
            let document = step.pointer("/patch/document")?;
            Some(format!("{object}\n{document}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn derives_the_input_of_each_target_from_a_vector() {
        let vector = json!({
            "settings": {"do": [{"answer": {"a": 1}, "patch": {"document": []}}]},
            "request": {"request": {"object": {"b": 2}}},
        });
        let seed = |target, plane| seed_from_vector(target, plane, &vector).unwrap();
        assert_eq!(
            seed(Target::Reviews, "authn"),
            r#"{"request":{"object":{"b":2}}}"#
        );
        assert_eq!(
            seed(Target::GuestOutput, "authz"),
            r#"1{"response":{"a":1}}"#
        );
        assert_eq!(seed(Target::Patches, "mutate"), "{\"b\":2}\n[]");
        assert_eq!(seed_from_vector(Target::Registries, "authn", &vector), None);
    }
}
