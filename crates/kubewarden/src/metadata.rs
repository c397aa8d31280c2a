//! The metadata of a policy: its custom section `io.kubewarden.metadata`.
//!
//! Metadata is descriptive. It grants nothing: grants are part of the configuration. Source:
//! Kubewarden's policy metadata, the JSON that `kwctl annotate` writes.

use std::collections::BTreeMap;

use capabilities::KubernetesResource;
use engine::Inspection;
use serde::{Deserialize, Serialize};

/// The name of the section. Only the first one of a module is read.
pub const SECTION: &str = "io.kubewarden.metadata";

/// The version of Kubewarden that is implemented, major and minor. A policy that requires a later
/// version does not load.
const VERSION: (u64, u64) = (1, 36);

/// The metadata of a policy.
///
/// ```
/// use kubewarden::{ExecutionMode, Metadata, PolicyType};
///
/// let json = r#"{"rules": [], "mutating": false, "policyType": "raw"}"#;
/// let metadata: Metadata = serde_json::from_str(json).unwrap();
/// assert_eq!(metadata.execution_mode, ExecutionMode::Wapc);
/// assert_eq!(metadata.policy_type, PolicyType::Raw);
/// metadata.check().unwrap();
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The version of the waPC protocol: `v1`. Absent in other modes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,
    /// The requests for which the policy is intended.
    pub rules: Vec<Rule>,
    /// True if the policy may mutate objects.
    pub mutating: bool,
    /// True if the policy supports audits of stored objects.
    #[serde(default = "default_background_audit")]
    pub background_audit: bool,
    /// The kinds of Kubernetes objects that the policy reads.
    #[serde(default)]
    pub context_aware_resources: Vec<KubernetesResource>,
    /// The execution mode.
    #[serde(default)]
    pub execution_mode: ExecutionMode,
    /// The type of requests.
    #[serde(default)]
    pub policy_type: PolicyType,
    /// The host calls that the policy makes, for information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_capabilities: Option<Vec<String>>,
    /// The minimum version of Kubewarden, `1.30` or `1.30.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_kubewarden_version: Option<String>,
    /// The title, author, license and similar descriptions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
}

/// A pattern of requests, as in a webhook configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rule {
    /// API groups; `*` matches all.
    pub api_groups: Vec<String>,
    /// API versions; `*` matches all.
    pub api_versions: Vec<String>,
    /// Resources and subresources, in the plural.
    pub resources: Vec<String>,
    /// `CREATE`, `UPDATE`, `DELETE`, `CONNECT` or `*`.
    pub operations: Vec<String>,
}

/// The execution mode of a Kubewarden policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ExecutionMode {
    /// A waPC guest.
    #[default]
    #[cfg_attr(
        feature = "clap",
        value(name = "kubewarden-wapc", alias = "kubewarden")
    )]
    #[serde(rename = "kubewarden-wapc", alias = "kubewarden")]
    Wapc,
    /// A WASI program that reads stdin and writes stdout.
    #[serde(rename = "wasi")]
    Wasi,
    /// Rego for Open Policy Agent, compiled by OPA.
    #[serde(rename = "opa")]
    Opa,
    /// Rego for Gatekeeper, compiled by OPA.
    #[serde(rename = "gatekeeper")]
    Gatekeeper,
}

impl ExecutionMode {
    /// Returns the name in metadata and configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wapc => "kubewarden-wapc",
            Self::Wasi => "wasi",
            Self::Opa => "opa",
            Self::Gatekeeper => "gatekeeper",
        }
    }
}

/// The type of requests that a policy evaluates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyType {
    /// Admission requests of Kubernetes.
    #[default]
    Kubernetes,
    /// Any JSON.
    Raw,
}

fn default_background_audit() -> bool {
    true
}

/// Invalid or unsupported metadata.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// The section is not valid metadata.
    #[error("its section `{SECTION}` is not valid: {0}")]
    Unreadable(serde_json::Error),
    /// The policy requires a later version of Kubewarden.
    #[error(
        "it requires Kubewarden {required} or later; this host implements {}.{}",
        VERSION.0,
        VERSION.1
    )]
    TooNew {
        /// The required version.
        required: String,
    },
    /// The policy uses another version of the waPC protocol.
    #[error("it uses protocol version `{0}`; this host supports `v1`")]
    Protocol(String),
    /// The minimum version does not parse.
    #[error("its minimumKubewardenVersion `{0}` is not of the form `1.30` or `1.30.0`")]
    Version(String),
    /// The rules are invalid ([`Metadata::check`]).
    #[error("{0}")]
    Rules(String),
}

impl Metadata {
    /// Reads the metadata of a module, if it has the section.
    ///
    /// # Errors
    /// [`MetadataError`] if the section is invalid, or requires a version that is not supported.
    pub fn from_module(wasm: &[u8], module: &Inspection) -> Result<Option<Self>, MetadataError> {
        let mut sections = module.custom_sections.iter();
        let Some(section) = sections.find(|section| section.name == SECTION) else {
            return Ok(None);
        };
        let json = wasm.get(section.range.clone()).unwrap_or_default();
        let metadata: Self = serde_json::from_slice(json).map_err(MetadataError::Unreadable)?;
        metadata.check_version()?;
        Ok(Some(metadata))
    }

    fn check_version(&self) -> Result<(), MetadataError> {
        if let (ExecutionMode::Wapc, Some(version)) = (self.execution_mode, &self.protocol_version)
            && version != "v1"
        {
            return Err(MetadataError::Protocol(version.clone()));
        }
        let Some(required) = &self.minimum_kubewarden_version else {
            return Ok(());
        };
        let mut parts = required.split(['.', '-', '+']).map(str::parse::<u64>);
        let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else {
            return Err(MetadataError::Version(required.clone()));
        };
        if (major, minor) > VERSION {
            let required = required.clone();
            return Err(MetadataError::TooNew { required });
        }
        Ok(())
    }

    /// Checks metadata before it is written into a module, including its rules.
    ///
    /// # Errors
    /// [`MetadataError`], which names the invalid rule and field.
    pub fn check(&self) -> Result<(), MetadataError> {
        self.check_version()?;
        if self.rules.is_empty() && self.policy_type == PolicyType::Kubernetes {
            return Err(MetadataError::Rules("there are no rules".to_owned()));
        }
        for (index, rule) in self.rules.iter().enumerate() {
            let lists = [
                ("apiGroups", &rule.api_groups),
                ("apiVersions", &rule.api_versions),
                ("resources", &rule.resources),
                ("operations", &rule.operations),
            ];
            for (name, list) in lists {
                let invalid = |problem: &str| {
                    MetadataError::Rules(format!("rules[{index}].{name}: {problem}"))
                };
                if list.is_empty() {
                    return Err(invalid("is empty"));
                }
                if name != "resources" && list.len() > 1 && list.iter().any(|item| item == "*") {
                    return Err(invalid(
                        "`*` matches everything and cannot be combined with other values",
                    ));
                }
            }
            let known = ["CREATE", "UPDATE", "DELETE", "CONNECT", "*"];
            let mut operations = rule.operations.iter();
            if let Some(unknown) = operations.find(|name| !known.contains(&name.as_str())) {
                let text = format!(
                    "rules[{index}].operations: unknown operation `{unknown}`, expected one of {known:?}"
                );
                return Err(MetadataError::Rules(text));
            }
        }
        Ok(())
    }

    /// Returns the module with this metadata, which replaces all earlier sections.
    ///
    /// # Errors
    /// [`engine::InspectError`] if the bytes are not a module.
    pub fn write_to(&self, wasm: &[u8]) -> Result<Vec<u8>, engine::InspectError> {
        // Serializing strings, booleans and lists to memory cannot fail.
        let json = serde_json::to_vec(self).unwrap_or_default();
        engine::replace_custom_section(wasm, SECTION, &json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(sections: &[(&str, &str)]) -> Vec<u8> {
        let custom = |(name, content): &(&str, &str)| {
            format!("(@custom \"{name}\" \"{}\")", content.replace('"', "\\\""))
        };
        let sections: String = sections.iter().map(custom).collect();
        wat::parse_str(format!("(module {sections})")).unwrap()
    }

    fn read(json: &str) -> Result<Option<Metadata>, MetadataError> {
        let wasm = module(&[(SECTION, json)]);
        Metadata::from_module(&wasm, &engine::inspect(&wasm).unwrap())
    }

    const MINIMAL: &str = r#"{"rules":[],"mutating":false}"#;

    #[test]
    fn applies_the_defaults_of_kubewarden() {
        let metadata = read(MINIMAL).unwrap().unwrap();
        assert_eq!(metadata.execution_mode, ExecutionMode::Wapc);
        assert_eq!(metadata.policy_type, PolicyType::Kubernetes);
        assert!(metadata.background_audit);
        assert!(metadata.context_aware_resources.is_empty());
    }

    #[test]
    fn reads_the_first_section_only() {
        let other = r#"{"rules":[],"mutating":true}"#;
        let wasm = module(&[("name", ""), (SECTION, MINIMAL), (SECTION, other)]);
        let metadata = Metadata::from_module(&wasm, &engine::inspect(&wasm).unwrap());
        assert!(!metadata.unwrap().unwrap().mutating);
    }

    #[test]
    fn rejects_unsupported_metadata() {
        for (json, text) in [
            ("{}", "is not valid"),
            (
                r#"{"rules":[],"mutating":false,"minimumKubewardenVersion":"1.37.0"}"#,
                "requires Kubewarden 1.37.0 or later; this host implements 1.36",
            ),
            (
                r#"{"rules":[],"mutating":false,"minimumKubewardenVersion":"soon"}"#,
                "`soon` is not of the form",
            ),
            (
                r#"{"rules":[],"mutating":false,"protocolVersion":"v2"}"#,
                "protocol version `v2`",
            ),
        ] {
            let error = read(json).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
        let same_minor = r#"{"rules":[],"mutating":false,"minimumKubewardenVersion":"1.36.9"}"#;
        assert!(read(same_minor).is_ok());
    }

    #[test]
    fn replaces_all_earlier_sections() {
        let wasm = module(&[(SECTION, MINIMAL), ("other", "x"), (SECTION, MINIMAL)]);
        let mut metadata = read(MINIMAL).unwrap().unwrap();
        metadata.mutating = true;
        let written = metadata.write_to(&wasm).unwrap();
        let inspection = engine::inspect(&written).unwrap();
        let names: Vec<_> = inspection
            .custom_sections
            .iter()
            .map(|s| s.name.as_str())
            .collect();
        assert_eq!(names, ["other", SECTION]);
        assert_eq!(
            Metadata::from_module(&written, &inspection).unwrap(),
            Some(metadata)
        );
    }
}
