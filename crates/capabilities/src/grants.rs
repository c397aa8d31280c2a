//! Grants: the host calls that a policy may make and the kinds of Kubernetes objects that it may
//! read.

use std::collections::BTreeSet;

use crate::capability::HostCapability;
use crate::error::HostCallError;
use crate::kubernetes::KubernetesResource;
use crate::request::Request;

/// The grants of one policy. The default grants nothing.
///
/// ```
/// use capabilities::{Grants, KubernetesResource};
///
/// let namespaces = KubernetesResource { api_version: "v1".into(), kind: "Namespace".into() };
/// let grants = Grants::new(["oci/*", "kubernetes/get_resource"], [namespaces]).unwrap();
/// assert!(grants.check_call("oci", "v2/verify").is_ok());
/// assert!(grants.check_call("net", "v1/dns_lookup_host").is_err());
/// assert!(Grants::new(["oci/v9/*"], []).is_err());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    calls: Calls,
    resources: BTreeSet<KubernetesResource>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Calls {
    All,
    /// Complete paths, and path prefixes that end in `/`.
    Listed(BTreeSet<String>),
}

impl Default for Calls {
    fn default() -> Self {
        Self::Listed(BTreeSet::new())
    }
}

/// An invalid pattern in `hostCapabilities`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// The pattern is blank.
    #[error("a host capability is empty")]
    Empty,
    /// The pattern contains a `*` that is not a complete last segment.
    #[error("`{pattern}`: `*` must be the whole last segment, as in `oci/*`")]
    Wildcard {
        /// The pattern in the configuration.
        pattern: String,
    },
    /// The pattern matches no host call.
    #[error("`{pattern}`: unknown `{segment}`, expected {known}")]
    Unknown {
        /// The pattern in the configuration.
        pattern: String,
        /// The first segment that matches nothing.
        segment: String,
        /// The segments that would match.
        known: String,
    },
    /// The pattern ends in the middle of a path.
    #[error(
        "`{pattern}` is not a complete host capability; to grant everything below it, write `{pattern}/*`"
    )]
    Incomplete {
        /// The pattern in the configuration.
        pattern: String,
    },
}

impl Grants {
    /// Grants the calls that match `patterns` (`*`, `oci/*`, `oci/v1/*` or a complete path) and
    /// reads of `resources`.
    ///
    /// # Errors
    /// [`PatternError`] for the first pattern that matches no host call.
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
                    listed.insert(parse_pattern(pattern)?);
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

    /// Returns whether any host call is granted.
    pub fn has_calls(&self) -> bool {
        match &self.calls {
            Calls::All => true,
            Calls::Listed(listed) => !listed.is_empty(),
        }
    }

    /// Returns the kinds of Kubernetes objects that the policy may read, sorted.
    pub fn resources(&self) -> &BTreeSet<KubernetesResource> {
        &self.resources
    }

    /// Checks that the policy may make a call. Runs before the payload is parsed.
    ///
    /// # Errors
    /// [`HostCallError::CapabilityNotGranted`].
    pub fn check_call(&self, namespace: &str, operation: &str) -> Result<(), HostCallError> {
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
            Err(HostCallError::CapabilityNotGranted { path })
        }
    }

    /// Checks that the policy may read objects of the kind in the request.
    ///
    /// # Errors
    /// [`HostCallError::ResourceNotGranted`].
    pub fn check_resource(&self, request: &Request) -> Result<(), HostCallError> {
        match request.resource() {
            Some(resource) if !self.resources.contains(&resource) => {
                Err(HostCallError::ResourceNotGranted {
                    api_version: resource.api_version,
                    kind: resource.kind,
                })
            }
            _ => Ok(()),
        }
    }
}

/// Validates a pattern. Returns a complete path, or the prefix up to and including the `/` before
/// its `*`.
fn parse_pattern(pattern: &str) -> Result<String, PatternError> {
    if pattern.is_empty() {
        return Err(PatternError::Empty);
    }
    let (path, is_prefix) = match pattern.strip_suffix("/*") {
        Some(path) => (path, true),
        None => (pattern, false),
    };
    if path.contains('*') {
        return Err(PatternError::Wildcard {
            pattern: pattern.to_owned(),
        });
    }
    let paths = grantable_paths();
    let mut known: Vec<&str> = paths.iter().map(String::as_str).collect();
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
    let is_complete = known.iter().all(|rest| rest.is_empty());
    match (is_prefix, is_complete) {
        (true, true) => Err(PatternError::Unknown {
            pattern: pattern.to_owned(),
            segment: "*".to_owned(),
            known: format!("`{path}`"),
        }),
        (true, false) => Ok(format!("{path}/")),
        (false, true) => Ok(path.to_owned()),
        (false, false) => Err(PatternError::Incomplete {
            pattern: pattern.to_owned(),
        }),
    }
}

/// Returns the paths of all calls that need a grant, as `<namespace>/<operation>`.
fn grantable_paths() -> Vec<String> {
    HostCapability::ALL
        .into_iter()
        .filter(|capability| *capability != HostCapability::Tracing)
        .map(|capability| {
            let (namespace, operation) = capability.name();
            format!("{namespace}/{operation}")
        })
        .collect()
}

fn first_segments(paths: &[&str]) -> String {
    let segments: BTreeSet<String> = paths
        .iter()
        .filter_map(|path| path.split('/').next())
        .filter(|segment| !segment.is_empty())
        .map(|segment| format!("`{segment}`"))
        .collect();
    let list = segments.iter().cloned().collect::<Vec<_>>().join(", ");
    if segments.len() > 1 {
        format!("one of {list}")
    } else {
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(patterns: &[&str]) -> Grants {
        Grants::new(patterns, []).unwrap()
    }

    /// S6: modules have no access to the outside, and make no host calls that are not granted.
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
            let checked = grants(patterns).check_call(namespace, operation);
            assert_eq!(
                checked.is_ok(),
                granted,
                "{patterns:?} {namespace}/{operation}"
            );
        }
    }

    #[test]
    fn refuses_with_the_error_texts_of_kubewarden() {
        let error = Grants::default()
            .check_call("oci", "v1/verify")
            .unwrap_err();
        assert_eq!(
            error.to_string(),
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
            "`oci/v9/verify`: unknown `v9`, expected one of `v1`, `v2`"
        );
        let error = Grants::new(["oci/v1"], []).unwrap_err();
        assert!(error.to_string().ends_with("write `oci/v1/*`"), "{error}");
    }

    /// S13: the webhooks have no side effects.
    /// A call that changes something must not be added before `dryRun` is honoured.
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
        for path in grantable_paths() {
            let operation = path.rsplit('/').next().unwrap();
            assert!(
                READS.iter().any(|read| operation.starts_with(read)),
                "{path}"
            );
        }
    }
}
