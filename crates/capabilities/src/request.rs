//! Typed requests: the payloads of host calls, and the requests in session files.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cache::Key;
use crate::capability::HostCapability;
use crate::crypto::CertificateVerification;
use crate::error::HostCallError;
use crate::kubernetes::{GetResource, KubernetesResource, ListAll, ListInNamespace, SubjectAccess};
use crate::sigstore::{
    CertificateVerify, GithubActionsVerify, KeylessPrefixVerify, KeylessVerify, PubKeyVerify,
};

/// A request of a policy to the host. Variants and fields have the names that they have in
/// Kubewarden's session files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Request {
    /// The digest of an image's manifest.
    OciManifestDigest {
        /// An image reference; short names refer to Docker Hub.
        image: String,
    },
    /// An image's manifest, or its index.
    OciManifest {
        /// An image reference.
        image: String,
    },
    /// An image's manifest with its digest and configuration.
    OciManifestAndConfig {
        /// An image reference.
        image: String,
    },
    /// Verification that all given keys signed an image.
    SigstorePubKeyVerify(PubKeyVerify),
    /// Verification that all given identities signed an image.
    SigstoreKeylessVerify(KeylessVerify),
    /// Verification of identities by prefixes of their subjects.
    SigstoreKeylessPrefixVerify(KeylessPrefixVerify),
    /// Verification that a workflow of a GitHub owner signed an image.
    SigstoreGithubActionsVerify(GithubActionsVerify),
    /// Verification that a certificate signed an image.
    SigstoreCertificateVerify(CertificateVerify),
    /// The addresses of a host.
    #[serde(rename = "DNSLookupHost")]
    DnsLookupHost {
        /// A host name.
        host: String,
    },
    /// The objects of a kind in one namespace.
    KubernetesListResourceNamespace(ListInNamespace),
    /// The objects of a kind in the cluster.
    KubernetesListResourceAll(ListAll),
    /// One object.
    KubernetesGetResource(GetResource),
    /// The plural name of a kind. Not a host call: it is needed to build the context of Rego
    /// policies, and recorded in sessions.
    KubernetesGetResourcePluralName {
        /// `v1`, `apps/v1`.
        api_version: String,
        /// The kind in the singular: `Pod`.
        kind: String,
    },
    /// A check for changes of a list. Only Kubewarden's sessions contain it. It never matches a
    /// request, because `since` is elapsed time.
    HasKubernetesListResourceAllResultChangedSinceInstant {
        /// The list.
        #[serde(flatten)]
        list: ListAll,
        /// Time since the last check.
        since: Duration,
    },
    /// A SubjectAccessReview.
    KubernetesCanI {
        /// The subject and the access.
        request: SubjectAccess,
        /// True if the cache must not be used.
        disable_cache: bool,
    },
    /// Verification of a certificate chain.
    CryptoIsCertificateTrusted {
        /// The certificate, its chain, and the instant of verification.
        request: CertificateVerification,
    },
}

/// The payload of `oci/v1/verify`, externally tagged.
#[derive(Deserialize)]
enum VerifyV1 {
    #[serde(rename = "SigstorePubKeyVerify")]
    PubKey(PubKeyVerify),
    #[serde(rename = "SigstoreKeylessVerify")]
    Keyless(KeylessVerify),
}

/// The payload of `oci/v2/verify`, tagged by `type`.
#[derive(Deserialize)]
#[serde(tag = "type")]
enum VerifyV2 {
    #[serde(rename = "SigstorePubKeyVerify")]
    PubKey(PubKeyVerify),
    #[serde(rename = "SigstoreKeylessVerify")]
    Keyless(KeylessVerify),
    #[serde(rename = "SigstoreKeylessPrefixVerify")]
    KeylessPrefix(KeylessPrefixVerify),
    #[serde(rename = "SigstoreGithubActionsVerify")]
    GithubActions(GithubActionsVerify),
    #[serde(rename = "SigstoreCertificateVerify")]
    Certificate(CertificateVerify),
}

#[derive(Deserialize)]
struct CanI {
    subject_access_review: SubjectAccess,
    disable_cache: bool,
}

impl Request {
    /// Parses the payload of a host call other than `tracing/log`.
    ///
    /// # Errors
    /// [`HostCallError::UnknownNamespace`], [`HostCallError::UnknownOperation`],
    /// [`HostCallError::InvalidPayload`].
    ///
    /// ```
    /// use capabilities::Request;
    ///
    /// let request = Request::parse("net", "v1/dns_lookup_host", br#""example.org""#).unwrap();
    /// assert_eq!(request, Request::DnsLookupHost { host: "example.org".into() });
    /// ```
    pub fn parse(namespace: &str, operation: &str, payload: &[u8]) -> Result<Self, HostCallError> {
        Ok(match HostCapability::parse(namespace, operation)? {
            HostCapability::OciVerifyV1 => match read(payload)? {
                VerifyV1::PubKey(verify) => Self::SigstorePubKeyVerify(verify),
                VerifyV1::Keyless(verify) => Self::SigstoreKeylessVerify(verify),
            },
            HostCapability::OciVerifyV2 => match read(payload)? {
                VerifyV2::PubKey(verify) => Self::SigstorePubKeyVerify(verify),
                VerifyV2::Keyless(verify) => Self::SigstoreKeylessVerify(verify),
                VerifyV2::KeylessPrefix(verify) => Self::SigstoreKeylessPrefixVerify(verify),
                VerifyV2::GithubActions(verify) => Self::SigstoreGithubActionsVerify(verify),
                VerifyV2::Certificate(verify) => Self::SigstoreCertificateVerify(verify),
            },
            HostCapability::OciManifestDigest => Self::OciManifestDigest {
                image: read(payload)?,
            },
            HostCapability::OciManifest => Self::OciManifest {
                image: read(payload)?,
            },
            HostCapability::OciManifestConfig => Self::OciManifestAndConfig {
                image: read(payload)?,
            },
            HostCapability::NetDnsLookupHost => Self::DnsLookupHost {
                host: read(payload)?,
            },
            HostCapability::CryptoIsCertificateTrusted => Self::CryptoIsCertificateTrusted {
                request: read(payload)?,
            },
            HostCapability::KubernetesListResourcesByNamespace => {
                Self::KubernetesListResourceNamespace(read(payload)?)
            }
            HostCapability::KubernetesListResourcesAll => {
                Self::KubernetesListResourceAll(read(payload)?)
            }
            HostCapability::KubernetesGetResource => Self::KubernetesGetResource(read(payload)?),
            HostCapability::KubernetesCanI => {
                let can_i: CanI = read(payload)?;
                Self::KubernetesCanI {
                    request: can_i.subject_access_review,
                    disable_cache: can_i.disable_cache,
                }
            }
            HostCapability::Tracing => {
                return Err(HostCallError::UnknownNamespace(namespace.to_owned()));
            }
        })
    }

    /// Returns the kind of Kubernetes object that the request reads, if it reads one.
    pub fn resource(&self) -> Option<KubernetesResource> {
        let (api_version, kind) = match self {
            Self::KubernetesListResourceNamespace(list) => (&list.api_version, &list.kind),
            Self::KubernetesListResourceAll(list) => (&list.api_version, &list.kind),
            Self::KubernetesGetResource(get) => (&get.api_version, &get.kind),
            _ => return None,
        };
        Some(KubernetesResource {
            api_version: api_version.clone(),
            kind: kind.clone(),
        })
    }

    /// Returns a digest that differs for different requests.
    pub(crate) fn key(&self) -> Key {
        // The derived `Debug` quotes every text, so different requests print differently.
        Sha256::digest(format!("{self:?}")).into()
    }
}

fn read<T: DeserializeOwned>(payload: &[u8]) -> Result<T, HostCallError> {
    serde_json::from_slice(payload)
        .map_err(|error| HostCallError::InvalidPayload(error.to_string()))
}

#[cfg(test)]
mod tests;
