//! The original `AdmissionConfiguration` with the plugin `WASM`, inline or in the file that its `path` names.
//!
//! The file belongs to kube-apiserver (`apiserver.config.k8s.io/v1`): other plugins in it are not ours and are passed
//! over, whatever they contain.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::Configuration;
use super::error::{ConfigError, ConfigErrors};
use super::read::File;
use super::written::AdmitterList;

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
    pub(super) fn add_admission_configuration(&mut self, file: &File) -> Result<(), ConfigErrors> {
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
                let file = File::open(&file.resolve(&path.value))?;
                let list: AdmitterList = file.parse()?;
                self.add_admitters(&file, list.modules)
            }
            (None, Some(_)) => {
                let list = file.parse_seed(Inline { plugin: index })?;
                self.add_admitters(file, list.modules)
            }
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
struct Inline {
    plugin: usize,
}

impl<'de> DeserializeSeed<'de> for Inline {
    type Value = AdmitterList;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<AdmitterList, D::Error> {
        deserializer.deserialize_map(Member {
            name: "plugins",
            seed: Item(self.plugin),
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

/// The `configuration` of one item of a list of plugins.
struct Item(usize);

impl<'de> DeserializeSeed<'de> for Item {
    type Value = AdmitterList;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<AdmitterList, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Item {
    type Value = AdmitterList;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of plugins")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<AdmitterList, A::Error> {
        for _ in 0..self.0 {
            seq.next_element::<IgnoredAny>()?;
        }
        let list = seq.next_element_seed(OurConfiguration)?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        list.ok_or_else(|| serde::de::Error::missing_field("configuration"))
    }
}

struct OurConfiguration;

impl<'de> DeserializeSeed<'de> for OurConfiguration {
    type Value = AdmitterList;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<AdmitterList, D::Error> {
        deserializer.deserialize_map(Member {
            name: "configuration",
            seed: PhantomData::<AdmitterList>,
        })
    }
}
