//! The clients that may send reviews, and the check of the names in their certificates.

use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::files::CaPath;

/// The clients that may send reviews.
#[derive(Debug, Clone)]
pub enum Clients {
    /// Any client that can reach the port.
    Anyone,
    /// Clients with a certificate.
    Verified {
        /// The authorities that issue client certificates.
        ca: CaPath,
        /// Allowed common names and DNS names of certificates. If empty, every certificate of the
        /// authorities is allowed.
        allowed_names: Vec<String>,
    },
}

/// The result of checking the names of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Client {
    /// The client may send reviews.
    Allowed,
    /// None of its names is allowed.
    Rejected {
        /// The common names and DNS names of the certificate.
        names: Vec<String>,
    },
}

impl Client {
    /// Allows a certificate if one of its names is in `allowed`.
    pub(crate) fn check(certificate: Option<&CertificateDer<'_>>, allowed: &[String]) -> Self {
        let names = certificate.map(names).unwrap_or_default();
        if names.iter().any(|name| allowed.contains(name)) {
            Self::Allowed
        } else {
            Self::Rejected { names }
        }
    }
}

/// Returns the common names of the subject and the DNS names; none if the certificate cannot be
/// parsed.
fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return Vec::new();
    };
    let common = certificate
        .subject()
        .iter_common_name()
        .filter_map(|name| name.as_str().ok());
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let dns = alternative
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(*name),
            _ => None,
        });
    common.chain(dns).map(str::to_owned).collect()
}
