//! What a host call asks, typed: from its payload, and as session files write it.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cache::Key;
use crate::crypto::CertificateVerification;
use crate::kubernetes::{GetResource, ListAll, ListInNamespace, SubjectAccess};
use crate::sigstore::{
    CertificateVerify, GithubActionsVerify, KeylessPrefixVerify, KeylessVerify, PubKeyVerify,
};
use crate::{KubernetesResource, Refused};

/// One question to the host. Variants and fields are named as in the peer's session files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Request {
    /// The digest of an image's manifest.
    OciManifestDigest {
        /// A reference; short names mean Docker Hub.
        image: String,
    },
    /// An image's manifest, or its index.
    OciManifest {
        /// A reference.
        image: String,
    },
    /// An image's manifest with its digest and configuration.
    OciManifestAndConfig {
        /// A reference.
        image: String,
    },
    /// Is the image signed by all these keys?
    SigstorePubKeyVerify(PubKeyVerify),
    /// Is the image signed by all these identities?
    SigstoreKeylessVerify(KeylessVerify),
    /// The same, by prefixes of subjects.
    SigstoreKeylessPrefixVerify(KeylessPrefixVerify),
    /// Is the image signed by a workflow of this GitHub owner?
    SigstoreGithubActionsVerify(GithubActionsVerify),
    /// Is the image signed with this certificate?
    SigstoreCertificateVerify(CertificateVerify),
    /// The addresses of a host.
    #[serde(rename = "DNSLookupHost")]
    DnsLookupHost {
        /// A host name.
        host: String,
    },
    /// Objects of a kind in one namespace.
    KubernetesListResourceNamespace(ListInNamespace),
    /// Objects of a kind in the cluster.
    KubernetesListResourceAll(ListAll),
    /// One object.
    KubernetesGetResource(GetResource),
    /// The plural name of a kind. Only sessions hold it: Rego policies ask it indirectly.
    KubernetesGetResourcePluralName {
        /// `v1`, `apps/v1`.
        api_version: String,
        /// Singular.
        kind: String,
    },
    /// Did a list change? Only sessions of the peer hold it, and it can never match: `since` is elapsed time.
    HasKubernetesListResourceAllResultChangedSinceInstant {
        /// The list.
        #[serde(flatten)]
        list: ListAll,
        /// Time passed since the last look.
        since: Duration,
    },
    /// May a user do something?
    KubernetesCanI {
        /// The question.
        request: SubjectAccess,
        /// Ask the API server even if it was asked just now.
        disable_cache: bool,
    },
    /// Does a certificate chain up to a root?
    CryptoIsCertificateTrusted {
        /// The certificate, its chain, the instant.
        request: CertificateVerification,
    },
}

/// `oci/v1/verify` is tagged from outside.
#[derive(Deserialize)]
enum VerifyV1 {
    #[serde(rename = "SigstorePubKeyVerify")]
    PubKey(PubKeyVerify),
    #[serde(rename = "SigstoreKeylessVerify")]
    Keyless(KeylessVerify),
}

/// `oci/v2/verify` is tagged by `type`.
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
    /// Reads the payload of a host call; `tracing/log` is not one of these.
    ///
    /// # Errors
    /// [`Refused::UnknownNamespace`], [`Refused::UnknownOperation`], [`Refused::Malformed`].
    pub fn parse(namespace: &str, operation: &str, payload: &[u8]) -> Result<Self, Refused> {
        Ok(match (namespace, operation) {
            ("oci", "v1/verify") => match read(payload)? {
                VerifyV1::PubKey(verify) => Self::SigstorePubKeyVerify(verify),
                VerifyV1::Keyless(verify) => Self::SigstoreKeylessVerify(verify),
            },
            ("oci", "v2/verify") => match read(payload)? {
                VerifyV2::PubKey(verify) => Self::SigstorePubKeyVerify(verify),
                VerifyV2::Keyless(verify) => Self::SigstoreKeylessVerify(verify),
                VerifyV2::KeylessPrefix(verify) => Self::SigstoreKeylessPrefixVerify(verify),
                VerifyV2::GithubActions(verify) => Self::SigstoreGithubActionsVerify(verify),
                VerifyV2::Certificate(verify) => Self::SigstoreCertificateVerify(verify),
            },
            ("oci", "v1/manifest_digest") => Self::OciManifestDigest {
                image: read(payload)?,
            },
            ("oci", "v1/oci_manifest") => Self::OciManifest {
                image: read(payload)?,
            },
            ("oci", "v1/oci_manifest_config") => Self::OciManifestAndConfig {
                image: read(payload)?,
            },
            ("net", "v1/dns_lookup_host") => Self::DnsLookupHost {
                host: read(payload)?,
            },
            ("crypto", "v1/is_certificate_trusted") => Self::CryptoIsCertificateTrusted {
                request: read(payload)?,
            },
            ("kubernetes", "list_resources_by_namespace") => {
                Self::KubernetesListResourceNamespace(read(payload)?)
            }
            ("kubernetes", "list_resources_all") => Self::KubernetesListResourceAll(read(payload)?),
            ("kubernetes", "get_resource") => Self::KubernetesGetResource(read(payload)?),
            ("kubernetes", "can_i") => {
                let asked: CanI = read(payload)?;
                Self::KubernetesCanI {
                    request: asked.subject_access_review,
                    disable_cache: asked.disable_cache,
                }
            }
            ("oci" | "net" | "crypto" | "kubernetes", _) => {
                return Err(Refused::UnknownOperation(operation.to_owned()));
            }
            _ => return Err(Refused::UnknownNamespace(namespace.to_owned())),
        })
    }

    /// The kind of Kubernetes object that the request reads, if it reads one.
    pub fn reads(&self) -> Option<KubernetesResource> {
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

    /// A digest that differs for requests that differ.
    pub(crate) fn key(&self) -> Key {
        // The derived `Debug` quotes every text, hence two requests never print alike.
        Sha256::digest(format!("{self:?}")).into()
    }
}

fn read<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(payload).map_err(|error| Refused::Malformed(error.to_string()))
}

#[cfg(test)]
mod tests;
