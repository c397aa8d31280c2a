//! The host capabilities: every host call that this host implements.

use crate::HostCallError;

/// A kind of host call, named by a namespace and an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostCapability {
    /// Verification of a certificate chain.
    CryptoIsCertificateTrusted,
    /// A SubjectAccessReview.
    KubernetesCanI,
    /// One Kubernetes object.
    KubernetesGetResource,
    /// The objects of a kind in the whole cluster.
    KubernetesListResourcesAll,
    /// The objects of a kind in one namespace.
    KubernetesListResourcesByNamespace,
    /// The addresses of a host name.
    NetDnsLookupHost,
    /// The digest of an image's manifest.
    OciManifestDigest,
    /// The manifest of an image.
    OciManifest,
    /// The manifest of an image with its digest and configuration.
    OciManifestConfig,
    /// Verification of an image's signatures, first version.
    OciVerifyV1,
    /// Verification of an image's signatures, second version.
    OciVerifyV2,
    /// An entry of the policy's log. The only capability that needs no grant.
    Tracing,
}

impl HostCapability {
    /// All capabilities.
    pub const ALL: [Self; 12] = [
        Self::CryptoIsCertificateTrusted,
        Self::KubernetesCanI,
        Self::KubernetesGetResource,
        Self::KubernetesListResourcesAll,
        Self::KubernetesListResourcesByNamespace,
        Self::NetDnsLookupHost,
        Self::OciManifestDigest,
        Self::OciManifest,
        Self::OciManifestConfig,
        Self::OciVerifyV1,
        Self::OciVerifyV2,
        Self::Tracing,
    ];

    /// Returns the namespace and the operation of the call.
    #[must_use]
    pub const fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::CryptoIsCertificateTrusted => ("crypto", "v1/is_certificate_trusted"),
            Self::KubernetesCanI => ("kubernetes", "can_i"),
            Self::KubernetesGetResource => ("kubernetes", "get_resource"),
            Self::KubernetesListResourcesAll => ("kubernetes", "list_resources_all"),
            Self::KubernetesListResourcesByNamespace => {
                ("kubernetes", "list_resources_by_namespace")
            }
            Self::NetDnsLookupHost => ("net", "v1/dns_lookup_host"),
            Self::OciManifestDigest => ("oci", "v1/manifest_digest"),
            Self::OciManifest => ("oci", "v1/oci_manifest"),
            Self::OciManifestConfig => ("oci", "v1/oci_manifest_config"),
            Self::OciVerifyV1 => ("oci", "v1/verify"),
            Self::OciVerifyV2 => ("oci", "v2/verify"),
            Self::Tracing => ("tracing", "log"),
        }
    }

    /// Returns the capability that a host call names.
    ///
    /// # Errors
    /// [`HostCallError::UnknownNamespace`], [`HostCallError::UnknownOperation`].
    ///
    /// ```
    /// use capabilities::HostCapability;
    ///
    /// let capability = HostCapability::parse("kubernetes", "can_i").unwrap();
    /// assert_eq!(capability, HostCapability::KubernetesCanI);
    /// let error = HostCapability::parse("kubernetes", "delete").unwrap_err();
    /// assert_eq!(error.to_string(), "unknown operation: delete");
    /// ```
    pub fn parse(namespace: &str, operation: &str) -> Result<Self, HostCallError> {
        let mut capabilities = Self::ALL.into_iter();
        if let Some(found) = capabilities.find(|known| known.name() == (namespace, operation)) {
            return Ok(found);
        }
        if Self::ALL.iter().any(|known| known.name().0 == namespace) {
            Err(HostCallError::UnknownOperation(operation.to_owned()))
        } else {
            Err(HostCallError::UnknownNamespace(namespace.to_owned()))
        }
    }
}
