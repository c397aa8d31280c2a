//! Who a client is by its certificate, and whether that name may ask.

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// Whether a client may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Client {
    /// It may.
    Admitted,
    /// It may not.
    Refused {
        /// What it is called: common names and DNS names.
        names: Vec<String>,
    },
}

impl Client {
    /// One of the certificate's names has to be allowed.
    pub(crate) fn check(certificate: Option<&CertificateDer<'_>>, allowed: &[String]) -> Self {
        let names = certificate.map(names).unwrap_or_default();
        if names.iter().any(|name| allowed.contains(name)) {
            Self::Admitted
        } else {
            Self::Refused { names }
        }
    }
}

/// The common names of the subject and the DNS names; none when the certificate cannot be read.
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
