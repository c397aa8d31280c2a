//! YAML documents: parsing, and positions for errors.

use std::cell::OnceCell;
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_saphyr::{Location, Spanned};

use crate::diagnostics::{ConfigError, ConfigErrors, Position, Snippet, nearest};

/// The maximum size of a configuration file. Larger files are mistakes, such as the path of a module.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Fields of earlier versions, with their present names.
const RENAMED_FIELDS: [(&str, &str); 3] = [
    ("memoryMax", "maxMemory"),
    ("concurrentCalls", "maxConcurrentCalls"),
    ("waitingCalls", "maxQueuedCalls"),
];

/// A value with its position in the document.
#[derive(Debug, Clone)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) location: Location,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<T>::deserialize(deserializer)?;
        Ok(Self {
            value: spanned.value,
            location: spanned.referenced,
        })
    }
}

#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

/// The text of a configuration file, and the part of it that is used.
#[derive(Clone)]
pub(crate) struct Document {
    path: PathBuf,
    text: String,
    part: Vec<Step>,
    /// The offsets of the lines; computed for the first error.
    lines: OnceCell<Vec<usize>>,
}

/// One step of the way from the root of a document to a part of it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// The value of a member of a mapping.
    Member(&'static str),
    /// An item of a list, counted from 0.
    Item(usize),
}

impl Document {
    /// Reads a file; calls `before_read` with its path first.
    pub(crate) fn read(path: &Path, before_read: &dyn Fn(&Path)) -> Result<Self, ConfigErrors> {
        before_read(path);
        Self::new(path, read_bytes(path))
    }

    /// Creates a document from a text, as if it were in the file at `path`.
    pub(crate) fn from_text(path: &Path, text: &[u8]) -> Result<Self, ConfigErrors> {
        Self::new(path, check_size(text.len() as u64).map(|()| text.to_vec()))
    }

    fn new(path: &Path, bytes: Result<Vec<u8>, String>) -> Result<Self, ConfigErrors> {
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
            snippet: None,
        })?;
        Ok(Self {
            path: path.to_owned(),
            text,
            part: Vec::new(),
            lines: OnceCell::new(),
        })
    }

    /// Returns a part of the document. Errors in it keep their position in the whole document.
    pub(crate) fn part(&self, steps: impl Into<Vec<Step>>) -> Self {
        Self {
            part: steps.into(),
            ..self.clone()
        }
    }

    /// Returns the path of a file that the document names: relative paths are relative to the
    /// folder of the document.
    pub(crate) fn resolve_path(&self, path: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }

    /// Parses the document, or the part of it that is used.
    ///
    /// # Errors
    /// The first error, with its line, field, and the nearest known name.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, ConfigErrors> {
        // The snippets of the parser are off: all errors are shown alike, with one of ours.
        let options = serde_saphyr::options! { with_snippet: false };
        let mut track = serde_path_to_error::Track::new();
        let seed = Part {
            steps: &self.part,
            value: PhantomData,
        };
        let parsed =
            serde_saphyr::with_deserializer_from_str_with_options(&self.text, options, |yaml| {
                seed.deserialize(serde_path_to_error::Deserializer::new(yaml, &mut track))
            });
        parsed.map_err(|error| self.explain(&error, &track.path().to_string()).into())
    }

    /// Returns the scope of the whole document, for errors in its fields.
    pub(crate) fn root(&self) -> Scope<'_> {
        Scope {
            document: self,
            field: String::new(),
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
                path,
                format!("unknown field `{field}`"),
                Some(suggestion(field, expected)),
            ),
            Yaml::SerdeUnknownVariant {
                variant, expected, ..
            } => (
                path,
                format!("unknown value `{variant}`"),
                Some(suggestion(variant, expected)),
            ),
            Yaml::SerdeMissingField { field, .. } => {
                (path, format!("the field `{field}` is missing"), None)
            }
            Yaml::Eof { .. } => ("", "the file is empty".to_owned(), None),
            other => (path, first_line(&other.to_string()), None),
        };
        let scope = Scope {
            document: self,
            field: field.to_owned(),
        };
        scope.error_at(location, message).with_hint(hint)
    }

    fn position(&self, location: Location) -> Position {
        let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let line =
            (location.line() > 0).then(|| (number(location.line()), number(location.column())));
        Position {
            file: self.path.clone(),
            line,
        }
    }

    fn snippet(&self, position: &Position) -> Option<Box<Snippet>> {
        let (line, column) = position.line?;
        let lines = self.lines.get_or_init(|| {
            let ends = self.text.match_indices('\n');
            let starts = ends.map(|(end, _)| end.saturating_add(1));
            [0].into_iter().chain(starts).collect()
        });
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        let start = *lines.get(index)?;
        let end = lines.get(index.saturating_add(1));
        let text = self
            .text
            .get(start..end.copied().unwrap_or(self.text.len()))?;
        Snippet::new(line, column, text).map(Box::new)
    }
}

/// A field of a document. Creates errors with the path of the field.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    document: &'a Document,
    field: String,
}

impl<'a> Scope<'a> {
    /// Returns the document of the field.
    pub(crate) fn document(&self) -> &'a Document {
        self.document
    }

    /// Returns the scope of a member of this field.
    pub(crate) fn field(&self, name: &str) -> Self {
        let separator = if self.field.is_empty() { "" } else { "." };
        Self {
            document: self.document,
            field: format!("{}{separator}{name}", self.field),
        }
    }

    /// Returns the scope of an item of this field, which is a list.
    pub(crate) fn item(&self, index: usize) -> Self {
        Self {
            document: self.document,
            field: format!("{}[{index}]", self.field),
        }
    }

    /// Returns the position of a location in the document.
    pub(crate) fn position(&self, location: Location) -> Position {
        self.document.position(location)
    }

    /// Creates an error in this field, at the position of a value.
    pub(crate) fn error<T>(&self, at: &Located<T>, message: impl Into<String>) -> ConfigError {
        self.error_at(at.location, message)
    }

    /// Creates an error in this field, at a location.
    pub(crate) fn error_at(&self, location: Location, message: impl Into<String>) -> ConfigError {
        self.error_at_position(self.document.position(location), message)
    }

    /// Creates an error in this field, at a position in the document.
    pub(crate) fn error_at_position(
        &self,
        position: Position,
        message: impl Into<String>,
    ) -> ConfigError {
        ConfigError {
            snippet: self.document.snippet(&position),
            position,
            field: self.field.clone(),
            message: message.into(),
            hint: None,
        }
    }

    /// Creates an error in this field, whose position is unknown.
    pub(crate) fn error_without_position(&self, message: impl Into<String>) -> ConfigError {
        self.error_at(Location::UNKNOWN, message)
    }
}

/// A seed that deserializes a part of a document, and skips everything else.
struct Part<'s, T> {
    steps: &'s [Step],
    value: PhantomData<T>,
}

impl<'s, T> Part<'s, T> {
    /// Splits off the first step, if it leads into a member of a mapping.
    fn member(&self) -> Option<(&'static str, Self)> {
        match self.steps.split_first()? {
            (Step::Member(name), rest) => Some((name, Self::new(rest))),
            (Step::Item(_), _) => None,
        }
    }

    /// Splits off the first step, if it leads into an item of a list.
    fn item(&self) -> Option<(usize, Self)> {
        match self.steps.split_first()? {
            (Step::Item(index), rest) => Some((*index, Self::new(rest))),
            (Step::Member(_), _) => None,
        }
    }

    fn new(steps: &'s [Step]) -> Self {
        Self {
            steps,
            value: PhantomData,
        }
    }
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Part<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        match self.steps.first() {
            None => T::deserialize(deserializer),
            Some(Step::Member(_)) => deserializer.deserialize_map(self),
            Some(Step::Item(_)) => deserializer.deserialize_seq(self),
        }
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Part<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.steps.first() {
            Some(Step::Member(name)) => write!(f, "a mapping with `{name}`"),
            Some(Step::Item(_)) | None => f.write_str("a list"),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let Some((name, part)) = self.member() else {
            return Err(serde::de::Error::invalid_type(
                serde::de::Unexpected::Map,
                &self,
            ));
        };
        let mut seed = Some(part);
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            match seed.take_if(|_| key == name) {
                Some(seed) => found = Some(map.next_value_seed(seed)?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        found.ok_or_else(|| serde::de::Error::missing_field(name))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
        let Some((index, part)) = self.item() else {
            return Err(serde::de::Error::invalid_type(
                serde::de::Unexpected::Seq,
                &self,
            ));
        };
        for _ in 0..index {
            seq.next_element::<IgnoredAny>()?;
        }
        let item = seq.next_element_seed(part)?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        item.ok_or_else(|| serde::de::Error::invalid_length(index, &"a longer list"))
    }
}

fn suggestion(written: &str, expected: &[&'static str]) -> String {
    let renamed = RENAMED_FIELDS
        .into_iter()
        .find(|(old, new)| *old == written && expected.contains(new))
        .map(|(_, new)| new);
    match renamed.or_else(|| nearest(written, expected.iter().copied())) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("expected one of `{}`", expected.join("`, `")),
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
    if bytes <= MAX_FILE_BYTES {
        return Ok(());
    }
    Err(format!(
        "has {bytes} bytes, which is too large for a configuration file (at most {MAX_FILE_BYTES})"
    ))
}
