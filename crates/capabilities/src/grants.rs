//! What a policy may ask: patterns of host calls and kinds of Kubernetes objects; nothing unless listed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Refused, Request};

/// Every call that can be granted, as `<namespace>/<operation>`. `tracing/log` is open to all and not among them.
const KNOWN: [&str; 11] = [
    "crypto/v1/is_certificate_trusted",
    "kubernetes/can_i",
    "kubernetes/get_resource",
    "kubernetes/list_resources_all",
    "kubernetes/list_resources_by_namespace",
    "net/v1/dns_lookup_host",
    "oci/v1/manifest_digest",
    "oci/v1/oci_manifest",
    "oci/v1/oci_manifest_config",
    "oci/v1/verify",
    "oci/v2/verify",
];

/// A kind of Kubernetes object that a policy may read: an entry of `contextAwareResources`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KubernetesResource {
    /// `v1` for the core group, else `<group>/<version>`.
    pub api_version: String,
    /// Singular, as in manifests: `Namespace`.
    pub kind: String,
}

/// What one policy may ask of the host. [`Grants::default`] is nothing at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    calls: Calls,
    resources: BTreeSet<KubernetesResource>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Calls {
    All,
    /// Whole paths, and path prefixes that end in `/`.
    Listed(BTreeSet<String>),
}

impl Default for Calls {
    fn default() -> Self {
        Self::Listed(BTreeSet::new())
    }
}

/// A `hostCapabilities` pattern that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// The pattern is blank.
    #[error("a host capability is empty")]
    Empty,
    /// `*` stands for all that follows a `/` and for nothing less.
    #[error("`{pattern}`: `*` can only be the whole last segment, as in `oci/*`")]
    Wildcard {
        /// As written.
        pattern: String,
    },
    /// No host call begins like this.
    #[error("`{pattern}`: unknown `{segment}`, known here: {known}")]
    Unknown {
        /// As written.
        pattern: String,
        /// The first segment that leads nowhere.
        segment: String,
        /// What could stand in its place.
        known: String,
    },
    /// The pattern is a part of the path of a call.
    #[error(
        "`{pattern}` is not a whole host capability; to grant all below it write `{pattern}/*`"
    )]
    Incomplete {
        /// As written.
        pattern: String,
    },
}

impl Grants {
    /// Grants the calls that `patterns` name (`*`, `oci/*`, `oci/v1/*` or a whole path) and reads of `resources`.
    ///
    /// # Errors
    /// [`PatternError`] for the first pattern that matches no known call.
    pub fn new<P: AsRef<str>>(
        patterns: impl IntoIterator<Item = P>,
        resources: impl IntoIterator<Item = KubernetesResource>,
    ) -> Result<Self, PatternError> {
        let mut all = false;
        let mut listed = BTreeSet::new();
        for pattern in patterns {
            match pattern.as_ref().trim() {
                "*" => all = true,
                pattern => {
                    listed.insert(checked(pattern)?);
                }
            }
        }
        let calls = if all {
            Calls::All
        } else {
            Calls::Listed(listed)
        };
        Ok(Self {
            calls,
            resources: resources.into_iter().collect(),
        })
    }

    /// Whether there is any call that the policy may make.
    pub fn has_calls(&self) -> bool {
        match &self.calls {
            Calls::All => true,
            Calls::Listed(listed) => !listed.is_empty(),
        }
    }

    /// The kinds of Kubernetes objects that may be read, in order.
    pub fn resources(&self) -> &BTreeSet<KubernetesResource> {
        &self.resources
    }

    /// The gate in front of the payload: may the policy make this call at all?
    ///
    /// # Errors
    /// [`Refused::CapabilityNotGranted`].
    pub fn check_call(&self, namespace: &str, operation: &str) -> Result<(), Refused> {
        let path = format!("{namespace}/{operation}");
        let granted = match &self.calls {
            Calls::All => true,
            Calls::Listed(listed) => listed.iter().any(|granted| {
                *granted == path || (granted.ends_with('/') && path.starts_with(granted.as_str()))
            }),
        };
        if granted {
            Ok(())
        } else {
            Err(Refused::CapabilityNotGranted { path })
        }
    }

    /// The gate behind it: may the policy read objects of the kind that the request names?
    ///
    /// # Errors
    /// [`Refused::ResourceNotGranted`].
    pub fn check_resource(&self, request: &Request) -> Result<(), Refused> {
        match request.reads() {
            Some(resource) if !self.resources.contains(&resource) => {
                Err(Refused::ResourceNotGranted {
                    api_version: resource.api_version,
                    kind: resource.kind,
                })
            }
            _ => Ok(()),
        }
    }
}

/// The pattern as kept: a whole path, or a prefix up to and with the `/` before its `*`.
fn checked(pattern: &str) -> Result<String, PatternError> {
    if pattern.is_empty() {
        return Err(PatternError::Empty);
    }
    let (path, open) = match pattern.strip_suffix("/*") {
        Some(path) => (path, true),
        None => (pattern, false),
    };
    if path.contains('*') {
        return Err(PatternError::Wildcard {
            pattern: pattern.to_owned(),
        });
    }
    let mut known: Vec<&str> = KNOWN.to_vec();
    for segment in path.split('/') {
        let below: Vec<&str> = known
            .iter()
            .filter_map(|rest| match rest.split_once('/') {
                Some((first, rest)) => (first == segment).then_some(rest),
                None => (*rest == segment).then_some(""),
            })
            .collect();
        if below.is_empty() || segment.is_empty() {
            return Err(PatternError::Unknown {
                pattern: pattern.to_owned(),
                segment: segment.to_owned(),
                known: first_segments(&known),
            });
        }
        known = below;
    }
    let whole = known.iter().all(|rest| rest.is_empty());
    match (open, whole) {
        (true, true) => Err(PatternError::Unknown {
            pattern: pattern.to_owned(),
            segment: "*".to_owned(),
            known: format!("`{path}` itself"),
        }),
        (true, false) => Ok(format!("{path}/")),
        (false, true) => Ok(path.to_owned()),
        (false, false) => Err(PatternError::Incomplete {
            pattern: pattern.to_owned(),
        }),
    }
}

fn first_segments(paths: &[&str]) -> String {
    let segments: BTreeSet<String> = paths
        .iter()
        .filter_map(|path| path.split('/').next())
        .filter(|segment| !segment.is_empty())
        .map(|segment| format!("`{segment}`"))
        .collect();
    segments.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(patterns: &[&str]) -> Grants {
        Grants::new(patterns, []).unwrap()
    }

    /// S6: modules reach nothing outside, and ask nothing that is not granted.
    #[test]
    fn grants_what_the_patterns_name_and_nothing_else() {
        for (patterns, namespace, operation, granted) in [
            (&[][..], "oci", "v1/verify", false),
            (&["*"], "oci", "v1/verify", true),
            (&["oci/v1/verify", "*"], "kubernetes", "can_i", true),
            (&["oci/v1/verify"], "oci", "v1/verify", true),
            (&["oci/v1/verify"], "oci", "v2/verify", false),
            (
                &["oci/v1/oci_manifest"],
                "oci",
                "v1/oci_manifest_config",
                false,
            ),
            (&["oci/*"], "oci", "v2/verify", true),
            (&["oci/*"], "oci2", "v2/verify", false),
            (&["oci/v1/*"], "oci", "v1/manifest_digest", true),
            (&["oci/v1/*"], "oci", "v2/verify", false),
            (&[" kubernetes/can_i "], "kubernetes", "can_i", true),
            (
                &["oci/*", "kubernetes/can_i"],
                "kubernetes",
                "get_resource",
                false,
            ),
        ] {
            let answer = grants(patterns).check_call(namespace, operation);
            assert_eq!(
                answer.is_ok(),
                granted,
                "{patterns:?} {namespace}/{operation}"
            );
        }
    }

    #[test]
    fn tells_the_guest_in_the_words_of_the_peer() {
        let refused = Grants::default()
            .check_call("oci", "v1/verify")
            .unwrap_err();
        assert_eq!(
            refused.to_string(),
            "Policy has not been granted access to the 'oci/v1/verify' host capability. The violation has been reported."
        );
        let request = Request::parse(
            "kubernetes",
            "get_resource",
            br#"{"api_version":"v1","kind":"Secret","name":"x","disable_cache":false}"#,
        )
        .unwrap();
        let namespaces = KubernetesResource {
            api_version: "v1".to_owned(),
            kind: "Namespace".to_owned(),
        };
        let grants = Grants::new(["*"], [namespaces]).unwrap();
        assert_eq!(
            grants.check_resource(&request).unwrap_err().to_string(),
            "Policy has not been granted access to Kubernetes v1/Secret resources. The violation has been reported."
        );
    }

    #[test]
    fn rejects_patterns_that_match_no_call() {
        for pattern in [
            "",
            "oci*",
            "oci/v1/oci_*",
            "*/oci",
            "oci/*/verify",
            "**",
            "unknown/*",
            "oci/v9/*",
            "oci/v1/nothing",
            "oci",
            "oci/v1",
            "kubernetes",
            "oci/v1/verify/*",
            "oci//verify",
            "/",
            "/*",
            "tracing/log",
        ] {
            assert!(Grants::new([pattern], []).is_err(), "{pattern:?}");
        }
        let error = Grants::new(["oci/v9/verify"], []).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`oci/v9/verify`: unknown `v9`, known here: `v1`, `v2`"
        );
        let error = Grants::new(["oci/v1"], []).unwrap_err();
        assert!(error.to_string().ends_with("write `oci/v1/*`"), "{error}");
    }

    /// S13: the webhooks have no side effects.
    /// Whoever adds a call that changes something has to honour `dryRun` first.
    #[test]
    fn knows_no_host_call_that_changes_anything() {
        const READS: [&str; 8] = [
            "can_i",
            "dns_lookup_",
            "get_",
            "is_certificate_trusted",
            "list_",
            "manifest_digest",
            "oci_manifest",
            "verify",
        ];
        for path in KNOWN {
            let operation = path.rsplit('/').next().unwrap();
            assert!(
                READS.iter().any(|read| operation.starts_with(read)),
                "{path}"
            );
        }
    }
}
