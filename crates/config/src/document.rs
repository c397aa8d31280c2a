//! From a YAML file to what is written in it; every mistake is told with line, field and the nearest known name.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, DeserializeSeed};
use serde_saphyr::{Location, Spanned};

use super::error::{ConfigError, ConfigErrors, Position, nearest};
use super::original::Inline;
use crate::footprint::Footprint;

/// A configuration file is small; a larger one is a mistake (such as naming the module's file).
const FILE_BYTES_MAX: u64 = 4 << 20;

/// A file that has been read, and knows how to place an error.
#[derive(Clone)]
pub(crate) struct File {
    path: PathBuf,
    text: String,
    part: Part,
}

/// What of a file is read.
#[derive(Clone, Copy)]
enum Part {
    All,
    /// The `configuration` of the plugin at this index of an `AdmissionConfiguration`.
    Plugin(usize),
}

impl File {
    /// Reads a file, which `footprint` is told before.
    pub(crate) fn open(path: &Path, footprint: &Footprint) -> Result<Self, ConfigErrors> {
        footprint.add(path);
        Self::of(path, read_bytes(path))
    }

    /// A text that is at hand, as if it were in the file at `path`.
    pub(crate) fn given(path: &Path, text: &[u8]) -> Result<Self, ConfigErrors> {
        Self::of(path, check_size(text.len() as u64).map(|()| text.to_vec()))
    }

    fn of(path: &Path, bytes: Result<Vec<u8>, String>) -> Result<Self, ConfigErrors> {
        let text = bytes.and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| "is not text in UTF-8".to_owned())
        });
        let text = text.map_err(|message| ConfigError {
            position: Position {
                file: path.to_owned(),
                line: None,
            },
            field: String::new(),
            message,
            hint: None,
        })?;
        Ok(Self {
            path: path.to_owned(),
            text,
            part: Part::All,
        })
    }

    /// The `configuration` of one plugin of this `AdmissionConfiguration`, with places as in the file.
    pub(crate) fn plugin(&self, index: usize) -> Self {
        Self {
            part: Part::Plugin(index),
            ..self.clone()
        }
    }

    /// The path of a file that this one names: relative paths are relative to this file.
    pub(crate) fn resolve(&self, path: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }

    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, ConfigErrors> {
        match self.part {
            Part::All => self.parse_seed(PhantomData),
            Part::Plugin(index) => self.parse_seed(Inline::new(index)),
        }
    }

    fn parse_seed<'a, S>(&'a self, seed: S) -> Result<S::Value, ConfigErrors>
    where
        S: DeserializeSeed<'a>,
    {
        let options = serde_saphyr::options! { with_snippet: false };
        let mut track = serde_path_to_error::Track::new();
        let parsed =
            serde_saphyr::with_deserializer_from_str_with_options(&self.text, options, |yaml| {
                seed.deserialize(serde_path_to_error::Deserializer::new(yaml, &mut track))
            });
        parsed.map_err(|error| self.explain(&error, &track.path().to_string()).into())
    }

    pub(crate) fn position(&self, location: Location) -> Position {
        let line = (location.line() > 0).then(|| (location.line(), location.column()));
        Position {
            file: self.path.clone(),
            line,
        }
    }

    /// A problem with a value that was read.
    pub(crate) fn error<T>(
        &self,
        at: &Spanned<T>,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> ConfigError {
        ConfigError {
            position: self.position(at.referenced),
            field: field.into(),
            message: message.into(),
            hint: None,
        }
    }

    /// A problem with the file as a whole.
    pub(crate) fn error_in_file(&self, field: &str, message: impl Into<String>) -> ConfigError {
        ConfigError {
            position: Position {
                file: self.path.clone(),
                line: None,
            },
            field: field.to_owned(),
            message: message.into(),
            hint: None,
        }
    }

    fn explain(&self, error: &serde_saphyr::Error, path: &str) -> ConfigError {
        use serde_saphyr::Error as Yaml;
        let error = error.without_snippet();
        let location = error.location().unwrap_or(Location::UNKNOWN);
        let path = if path == "." { "" } else { path };
        let (field, message, hint) = match error {
            Yaml::SerdeUnknownField {
                field, expected, ..
            } => (
                path.to_owned(),
                format!("unknown field `{field}`"),
                Some(suggestion(field, expected)),
            ),
            Yaml::SerdeUnknownVariant {
                variant, expected, ..
            } => (
                path.to_owned(),
                format!("unknown value `{variant}`"),
                Some(suggestion(variant, expected)),
            ),
            Yaml::SerdeMissingField { field, .. } => (
                path.to_owned(),
                format!("the field `{field}` is missing"),
                None,
            ),
            Yaml::Eof { .. } => (String::new(), "the file is empty".to_owned(), None),
            other => (path.to_owned(), first_line(&other.to_string()), None),
        };
        ConfigError {
            position: self.position(location),
            field,
            message,
            hint,
        }
    }
}

fn suggestion(written: &str, expected: &[&'static str]) -> String {
    match nearest(written, expected.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known are `{}`", expected.join("`, `")),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("cannot be read: {error}");
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err("is a directory, not a configuration file".to_owned());
    }
    check_size(metadata.len())?;
    std::fs::read(path).map_err(failed)
}

fn check_size(bytes: u64) -> Result<(), String> {
    if bytes <= FILE_BYTES_MAX {
        return Ok(());
    }
    Err(format!(
        "is {bytes} bytes large, which is no configuration file (at most {FILE_BYTES_MAX})"
    ))
}
