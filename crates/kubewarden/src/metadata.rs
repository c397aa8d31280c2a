//! What a policy says about itself in its custom section `io.kubewarden.metadata`.
//!
//! It describes; it grants nothing: what a policy may do is up to the configuration. Source: Kubewarden's policy metadata, the JSON
//! of `kwctl annotate`.

use std::collections::BTreeMap;

use capabilities::KubernetesResource;
use engine::Inspection;
use serde::{Deserialize, Serialize};

/// The name of the section. The first one of a module counts.
pub const SECTION: &str = "io.kubewarden.metadata";

/// The level of Kubewarden that is implemented: a policy that needs a later one is not loaded.
const LEVEL: (u64, u64) = (1, 36);

/// The metadata of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The version of the waPC protocol: `v1`; other modes have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,
    /// What the policy is meant to be asked about.
    pub rules: Vec<Rule>,
    /// Whether it may change objects.
    pub mutating: bool,
    /// Whether audits of stored objects make sense.
    #[serde(default = "yes")]
    pub background_audit: bool,
    /// The Kubernetes resources that it wants to see.
    #[serde(default)]
    pub context_aware_resources: Vec<KubernetesResource>,
    /// How it is run.
    #[serde(default)]
    pub execution_mode: ExecutionMode,
    /// What it is asked about.
    #[serde(default)]
    pub policy_type: PolicyType,
    /// The calls of the host that it makes, for information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_capabilities: Option<Vec<String>>,
    /// The least level of Kubewarden that it needs, `1.30` or `1.30.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_kubewarden_version: Option<String>,
    /// Title, author, license and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
}

/// What a policy is meant to be asked about: a rule of a webhook configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rule {
    /// API groups; `*` for all.
    pub api_groups: Vec<String>,
    /// API versions; `*` for all.
    pub api_versions: Vec<String>,
    /// Resources and subresources, plural.
    pub resources: Vec<String>,
    /// `CREATE`, `UPDATE`, `DELETE`, `CONNECT` or `*`.
    pub operations: Vec<String>,
}

/// The execution mode of a Kubewarden policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ExecutionMode {
    /// A waPC guest.
    #[default]
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

/// What a policy is asked about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyType {
    /// Admission requests of Kubernetes.
    #[default]
    Kubernetes,
    /// Any JSON.
    Raw,
}

fn yes() -> bool {
    true
}

/// The metadata cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// The section is there, but not what it should be.
    #[error("its section `{SECTION}` cannot be read: {0}")]
    Unreadable(serde_json::Error),
    /// The policy needs functions of a later Kubewarden.
    #[error("it needs Kubewarden {needed} or later, this host implements {}.{}", LEVEL.0, LEVEL.1)]
    TooNew {
        /// What it needs.
        needed: String,
    },
    /// The policy speaks a later protocol.
    #[error("it speaks the protocol version `{0}`, this host knows `v1`")]
    Protocol(String),
    /// The version is no version.
    #[error("its minimumKubewardenVersion `{0}` is not of the form `1.30` or `1.30.0`")]
    Version(String),
    /// What [`Metadata::check`] found, for whoever writes metadata.
    #[error("{0}")]
    Rules(String),
}

impl Metadata {
    /// The metadata of a module, if it has some.
    ///
    /// # Errors
    /// When there is a section that cannot be read, or it asks for what this host does not have.
    pub fn of(wasm: &[u8], module: &Inspection) -> Result<Option<Self>, MetadataError> {
        let mut sections = module.custom_sections.iter();
        let Some(section) = sections.find(|section| section.name == SECTION) else {
            return Ok(None);
        };
        let json = wasm.get(section.range.clone()).unwrap_or_default();
        let metadata: Self = serde_json::from_slice(json).map_err(MetadataError::Unreadable)?;
        metadata.check_level()?;
        Ok(Some(metadata))
    }

    fn check_level(&self) -> Result<(), MetadataError> {
        if let (ExecutionMode::Wapc, Some(version)) = (self.execution_mode, &self.protocol_version)
            && version != "v1"
        {
            return Err(MetadataError::Protocol(version.clone()));
        }
        let Some(needed) = &self.minimum_kubewarden_version else {
            return Ok(());
        };
        let mut parts = needed.split(['.', '-', '+']).map(str::parse::<u64>);
        let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else {
            return Err(MetadataError::Version(needed.clone()));
        };
        if (major, minor) > LEVEL {
            let needed = needed.clone();
            return Err(MetadataError::TooNew { needed });
        }
        Ok(())
    }

    /// Checks what is asked of metadata that is being written: rules that say something.
    ///
    /// # Errors
    /// What is wrong with which rule.
    pub fn check(&self) -> Result<(), MetadataError> {
        self.check_level()?;
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
                let wrong = |problem: &str| {
                    MetadataError::Rules(format!("rules[{index}].{name}: {problem}"))
                };
                if list.is_empty() {
                    return Err(wrong("is empty"));
                }
                if name != "resources" && list.len() > 1 && list.iter().any(|item| item == "*") {
                    return Err(wrong(
                        "`*` stands for everything, so nothing can stand beside it",
                    ));
                }
            }
            let known = ["CREATE", "UPDATE", "DELETE", "CONNECT", "*"];
            let mut operations = rule.operations.iter();
            if let Some(unknown) = operations.find(|name| !known.contains(&name.as_str())) {
                let text = format!("rules[{index}].operations: `{unknown}` is none of {known:?}");
                return Err(MetadataError::Rules(text));
            }
        }
        Ok(())
    }

    /// The module with this metadata in place of what it had.
    ///
    /// # Errors
    /// When the bytes are not a module.
    pub fn write_to(&self, wasm: &[u8]) -> Result<Vec<u8>, engine::InspectError> {
        // Strings, booleans and lists only: writing them to memory cannot fail.
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
        Metadata::of(&wasm, &engine::inspect(&wasm).unwrap())
    }

    const LEAST: &str = r#"{"rules":[],"mutating":false}"#;

    #[test]
    fn the_least_metadata_has_the_defaults_of_kubewarden() {
        let metadata = read(LEAST).unwrap().unwrap();
        assert_eq!(metadata.execution_mode, ExecutionMode::Wapc);
        assert_eq!(metadata.policy_type, PolicyType::Kubernetes);
        assert!(metadata.background_audit);
        assert!(metadata.context_aware_resources.is_empty());
    }

    #[test]
    fn the_first_section_counts() {
        let other = r#"{"rules":[],"mutating":true}"#;
        let wasm = module(&[("name", ""), (SECTION, LEAST), (SECTION, other)]);
        let metadata = Metadata::of(&wasm, &engine::inspect(&wasm).unwrap());
        assert!(!metadata.unwrap().unwrap().mutating);
    }

    #[test]
    fn refuses_what_this_host_cannot_do_and_says_so() {
        for (json, text) in [
            ("{}", "cannot be read"),
            (
                r#"{"rules":[],"mutating":false,"minimumKubewardenVersion":"1.37.0"}"#,
                "needs Kubewarden 1.37.0 or later, this host implements 1.36",
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
        let same = r#"{"rules":[],"mutating":false,"minimumKubewardenVersion":"1.36.9"}"#;
        assert!(read(same).is_ok());
    }

    #[test]
    fn writing_replaces_every_earlier_section() {
        let wasm = module(&[(SECTION, LEAST), ("other", "x"), (SECTION, LEAST)]);
        let mut metadata = read(LEAST).unwrap().unwrap();
        metadata.mutating = true;
        let written = metadata.write_to(&wasm).unwrap();
        let inspection = engine::inspect(&written).unwrap();
        let names: Vec<_> = inspection
            .custom_sections
            .iter()
            .map(|s| s.name.as_str())
            .collect();
        assert_eq!(names, ["other", SECTION]);
        assert_eq!(Metadata::of(&written, &inspection).unwrap(), Some(metadata));
    }
}
