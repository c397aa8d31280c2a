//! The original `AdmissionConfiguration` with the plugin `WASM`, inline or in the file that its `path` names.
//!
//! The file belongs to kube-apiserver (`apiserver.config.k8s.io/v1`): other plugins in it are not ours and are passed
//! over, whatever they contain.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_saphyr::Spanned;

use super::Configuration;
use super::error::{ConfigError, ConfigErrors};
use super::read::File;
use super::sections::Section;
use crate::footprint::Footprint;

const KIND: &str = "AdmissionConfiguration";
const PLUGIN: &str = "WASM";

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline {
    kind: Option<Spanned<String>>,
    #[serde(default)]
    plugins: Vec<Plugin>,
}

#[derive(serde::Deserialize)]
struct Plugin {
    name: Spanned<String>,
    path: Option<Spanned<String>>,
    configuration: Option<IgnoredAny>,
}

impl Configuration {
    pub(super) fn add_admission_configuration(
        &mut self,
        file: &File,
        footprint: &Footprint,
    ) -> Result<(), ConfigErrors> {
        let outline: Outline = file.parse()?;
        check_kind(file, &outline)?;
        let ours = outline
            .plugins
            .iter()
            .position(|plugin| plugin.name.value == PLUGIN);
        let Some(index) = ours else {
            let message = format!("has no plugin `{PLUGIN}`");
            return Err(ConfigError {
                hint: Some(format!("add an entry with `name: {PLUGIN}`")),
                ..file.error_in_file("plugins", message)
            }
            .into());
        };
        let Some(plugin) = outline.plugins.get(index) else {
            return Ok(());
        };
        match (&plugin.path, &plugin.configuration) {
            (Some(path), None) if !path.value.is_empty() => {
                let file = File::open(&file.resolve(&path.value), footprint)?;
                self.add_section(&file, Section::Admission)
            }
            (None, Some(_)) => self.add_section(&file.plugin(index), Section::Admission),
            _ => Err(file
                .error(
                    &plugin.name,
                    format!("plugins[{index}]"),
                    "needs either `path` or `configuration`",
                )
                .into()),
        }
    }
}

fn check_kind(file: &File, outline: &Outline) -> Result<(), ConfigError> {
    match &outline.kind {
        Some(kind) if kind.value == KIND => Ok(()),
        Some(kind) => Err(file.error(
            kind,
            "kind",
            format!("is `{}`, expected `{KIND}`", kind.value),
        )),
        None => Err(file.error_in_file("kind", format!("is missing, expected `{KIND}`"))),
    }
}

/// Reads `plugins[plugin].configuration` as ours, and passes over everything else.
///
/// A second pass over the text, so that errors in our part keep their line and path.
pub(super) struct Inline<T> {
    plugin: usize,
    read_as: PhantomData<T>,
}

impl<T> Inline<T> {
    pub(super) fn new(plugin: usize) -> Self {
        Self {
            plugin,
            read_as: PhantomData,
        }
    }
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Inline<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_map(Member {
            name: "plugins",
            seed: Item {
                index: self.plugin,
                seed: Configured(self.read_as),
            },
        })
    }
}

/// The value of one member of a mapping.
struct Member<S> {
    name: &'static str,
    seed: S,
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for Member<S> {
    type Value = S::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a mapping with `{}`", self.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<S::Value, A::Error> {
        let mut seed = Some(self.seed);
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            match seed.take_if(|_| key == self.name) {
                Some(seed) => found = Some(map.next_value_seed(seed)?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        found.ok_or_else(|| serde::de::Error::missing_field(self.name))
    }
}

/// One item of a list.
struct Item<S> {
    index: usize,
    seed: S,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Item<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for Item<S> {
    type Value = S::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of plugins")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<S::Value, A::Error> {
        for _ in 0..self.index {
            seq.next_element::<IgnoredAny>()?;
        }
        let item = seq.next_element_seed(self.seed)?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        item.ok_or_else(|| serde::de::Error::missing_field("configuration"))
    }
}

/// The `configuration` of a plugin.
struct Configured<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Configured<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_map(Member {
            name: "configuration",
            seed: self.0,
        })
    }
}
