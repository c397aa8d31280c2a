//! JSON helpers: objects as lists of members, and the leniency of Go's decoder.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
pub use serde_json::value::RawValue;

/// A JSON object as an ordered list of members whose values keep their bytes.
///
/// Used to replace one member while everything else, including unknown members, stays unchanged.
#[derive(Debug, Clone, Default)]
pub struct Members<'a> {
    members: Vec<(Cow<'a, str>, Cow<'a, RawValue>)>,
}

impl<'a> Members<'a> {
    /// Returns the value of a member, if the object has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        self.members
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_ref())
    }

    /// Replaces the value of a member, or appends the member.
    pub fn set(&mut self, name: &'static str, value: Cow<'a, RawValue>) {
        match self.members.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value,
            None => self.members.push((Cow::Borrowed(name), value)),
        }
    }

    /// Removes members whose value is `null`.
    #[must_use]
    pub fn without_nulls(mut self) -> Self {
        self.members.retain(|(_, value)| value.get() != "null");
        self
    }

    /// Renames a member, if the object has it.
    pub fn rename(&mut self, from: &str, to: &'static str) {
        if let Some((key, _)) = self.members.iter_mut().find(|(key, _)| key == from) {
            *key = Cow::Borrowed(to);
        }
    }

    /// Returns a name that two members have. Sorts first, because an object may have a million members.
    fn duplicate(&self) -> Option<&str> {
        let mut names: Vec<&str> = self.members.iter().map(|(key, _)| key.as_ref()).collect();
        names.sort_unstable();
        names.windows(2).find_map(|pair| match pair {
            [one, other] if one == other => Some(*one),
            _ => None,
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Members::default();
        while let Some(Key(key)) = map.next_key::<Key<'de>>()? {
            let value: &'de RawValue = map.next_value()?;
            found.members.push((key, Cow::Borrowed(value)));
        }
        match found.duplicate() {
            Some(name) => Err(de::Error::custom(format!("duplicate member `{name}`"))),
            None => Ok(found),
        }
    }
}

/// The name of a member, borrowed if it has no escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len()))?;
        for (key, value) in &self.members {
            map.serialize_entry(key, value.as_ref())?;
        }
        map.end()
    }
}

/// Returns whether a value is the default of its type, which is omitted from JSON.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Reads `null` as the default of a type, like Go's decoder.
pub(crate) mod nullable {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        value: &impl Serialize,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D, T>(deserializer: D) -> Result<T, D::Error>
    where
        D: Deserializer<'de>,
        T: Default + Deserialize<'de>,
    {
        Ok(Option::deserialize(deserializer)?.unwrap_or_default())
    }
}

/// Reads `null` values of a map as defaults, because Go writes a nil slice as `null`. A `null` map
/// is empty.
pub(crate) mod nullable_values {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer};

    pub(crate) use super::nullable::serialize;

    pub(crate) fn deserialize<'de, D, T>(deserializer: D) -> Result<BTreeMap<String, T>, D::Error>
    where
        D: Deserializer<'de>,
        T: Default + Deserialize<'de>,
    {
        let map: Option<BTreeMap<String, Option<T>>> = Option::deserialize(deserializer)?;
        let members = map.unwrap_or_default().into_iter();
        Ok(members
            .map(|(name, value)| (name, value.unwrap_or_default()))
            .collect())
    }
}

/// Bytes as a base64 string (RFC 4648 section 4, with padding), like Go's `[]byte`.
pub(crate) mod base64_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => serializer.serialize_str(&STANDARD.encode(bytes)),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| STANDARD.decode(text).map_err(de::Error::custom))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_one_member_and_keeps_the_others() {
        let mut members: Members<'_> =
            serde_json::from_str(r#"{"a": {"x":  1.50},"b":2,"unknown":[ ]}"#).unwrap();
        let three: &RawValue = serde_json::from_str("3").unwrap();
        members.set("b", Cow::Borrowed(three));
        let out = serde_json::to_string(&members).unwrap();
        assert_eq!(out, r#"{"a":{"x":  1.50},"b":3,"unknown":[ ]}"#);
    }

    #[test]
    fn rejects_duplicate_members() {
        let error = serde_json::from_str::<Members<'_>>(r#"{"a":1,"\u0061":2}"#).unwrap_err();
        assert!(error.to_string().contains("duplicate member `a`"));
    }

    #[test]
    fn finds_duplicates_among_many_members_quickly() {
        let members: Vec<String> = (0..100_000).map(|n| format!("\"{n}\":0")).collect();
        let text = format!("{{{}}}", members.join(","));
        let members: Members<'_> = serde_json::from_str(&text).unwrap();
        assert!(members.get("99999").is_some());
    }
}
