//! A generated file.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

/// A file for kube-apiserver or for `kubectl apply`.
#[derive(Debug)]
pub(crate) struct File {
    pub(super) name: &'static str,
    content: Content,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Yaml,
    Lines,
}

impl File {
    /// Creates a YAML file that begins with a comment.
    pub(super) fn yaml(name: &'static str, comment: &str) -> Self {
        Self {
            name,
            content: Content::Yaml,
            text: commented(comment),
        }
    }

    /// Creates a text file that begins with a comment.
    pub(super) fn lines(name: &'static str, comment: &str, lines: &[String]) -> Self {
        let text = commented(comment) + &lines.join("\n") + "\n";
        Self {
            name,
            content: Content::Lines,
            text,
        }
    }

    /// Appends a document to a YAML file.
    pub(super) fn document(mut self, document: &impl Serialize) -> anyhow::Result<Self> {
        // Certificates in base64 are long lines, which would become block scalars.
        let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
        let yaml = serde_saphyr::to_string_with_options(document, options)
            .with_context(|| format!("failed to write `{}`", self.name))?;
        self.text.push_str("---\n");
        self.text.push_str(&yaml);
        Ok(self)
    }
}

/// Writes the files to a directory, which is created if it does not exist.
pub(super) fn write_to_directory(files: &[File], directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory)
        .with_context(|| format!("failed to create `{}`", directory.display()))?;
    for file in files {
        let path = directory.join(file.name);
        fs::write(&path, &file.text)
            .with_context(|| format!("failed to write `{}`", path.display()))?;
    }
    Ok(())
}

/// Writes the files as a stream of YAML, in which text files become comments.
pub(super) fn write_to_stream(files: &[File], out: &mut dyn Write) -> std::io::Result<()> {
    for file in files {
        writeln!(out, "# file: {}", file.name)?;
        match file.content {
            Content::Yaml => out.write_all(file.text.as_bytes())?,
            Content::Lines => {
                let comment = |line: &str| {
                    if line.starts_with('#') {
                        line.to_owned()
                    } else {
                        format!("# {line}")
                    }
                };
                for line in file.text.lines().map(comment) {
                    writeln!(out, "{line}")?;
                }
            }
        }
    }
    Ok(())
}

fn commented(text: &str) -> String {
    let line = |line: &str| {
        if line.is_empty() {
            "#\n".to_owned()
        } else {
            format!("# {line}\n")
        }
    };
    text.lines().map(line).collect()
}
