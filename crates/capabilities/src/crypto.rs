//! Verification of certificate chains: `crypto/v1/is_certificate_trusted`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use serde::{Deserialize, Serialize};
use serde_json::json;
use webpki::{
    EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, anchor_from_trusted_cert,
};

/// The payload of `crypto/v1/is_certificate_trusted`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateVerification {
    /// The certificate to verify.
    pub cert: Certificate,
    /// The intermediates, then the root. Default: the roots that Mozilla trusts.
    pub cert_chain: Option<Vec<Certificate>>,
    /// The instant of verification (RFC 3339), in spite of the name. Absent or empty: now.
    pub not_after: Option<String>,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The encoding of `data`.
    pub encoding: CertificateEncoding,
    /// The encoded certificate.
    pub data: Vec<u8>,
}

/// The encoding of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CertificateEncoding {
    /// RFC 7468.
    Pem,
    /// X.690.
    Der,
}

/// A verification that cannot be carried out, as opposed to an untrusted certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateFailure {
    #[error("Certificate PEM data is not valid")]
    Pem(#[source] rustls::pki_types::pem::Error),
    #[error("Certificate is not a valid end-entity certificate")]
    EndEntity(#[source] webpki::Error),
    #[error("the last certificate of the chain is not a valid root")]
    Root(#[source] webpki::Error),
    #[error("Timestamp not_after is not in RFC3339 format")]
    NotAfter(#[source] jiff::Error),
    #[error("not_after is before 1970")]
    BeforeEpoch,
}

/// Verifies a certificate and returns `{"trusted": bool, "reason": text}`.
pub(crate) fn is_trusted(
    verification: &CertificateVerification,
) -> Result<Vec<u8>, CertificateFailure> {
    let at = match verification.not_after.as_deref() {
        None | Some("") => now(),
        Some(instant) => parse_instant(instant)?,
    };
    let chain = verification.cert_chain.as_deref();
    let response = match reason_for_distrust(&verification.cert, chain, at)? {
        None => json!({"trusted": true, "reason": ""}),
        Some(reason) => json!({"trusted": false, "reason": reason}),
    };
    Ok(response.to_string().into_bytes())
}

/// Returns the reason for which a certificate is not trusted, if it is not.
///
/// The last certificate of the chain is the root; its own validity is not checked. Without a chain
/// the roots are Mozilla's.
pub(crate) fn reason_for_distrust(
    certificate: &Certificate,
    chain: Option<&[Certificate]>,
    at: UnixTime,
) -> Result<Option<String>, CertificateFailure> {
    let certificate = certificate.der()?;
    let certificate =
        EndEntityCert::try_from(&certificate).map_err(CertificateFailure::EndEntity)?;
    let chain = chain
        .map(|chain| {
            chain
                .iter()
                .map(Certificate::der)
                .collect::<Result<Vec<_>, _>>()
        })
        .transpose()?;
    let (roots, intermediates): (Vec<TrustAnchor<'_>>, &[CertificateDer<'_>]) = match &chain {
        None => (webpki_roots::TLS_SERVER_ROOTS.to_vec(), &[]),
        Some(chain) => match chain.split_last() {
            None => (Vec::new(), &[]),
            Some((root, intermediates)) => {
                let root = anchor_from_trusted_cert(root).map_err(CertificateFailure::Root)?;
                (vec![root], intermediates)
            }
        },
    };
    let verified = certificate.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &roots,
        intermediates,
        at,
        AnyUsage,
        None,
        None,
    );
    Ok(verified.err().map(|error| reason(&error)))
}

pub(crate) fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixTime::since_unix_epoch(since.unwrap_or_default())
}

fn parse_instant(instant: &str) -> Result<UnixTime, CertificateFailure> {
    let instant: jiff::Timestamp = instant.parse().map_err(CertificateFailure::NotAfter)?;
    let seconds =
        u64::try_from(instant.as_second()).map_err(|_| CertificateFailure::BeforeEpoch)?;
    Ok(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}

fn reason(error: &webpki::Error) -> String {
    use webpki::Error;
    match error {
        Error::CertExpired { .. } => "Certificate is being used after its expiration date".into(),
        Error::CertNotValidYet { .. } => {
            "Certificate is being used before its validity date".into()
        }
        Error::UnknownIssuer | Error::InvalidSignatureForPublicKey => {
            "Certificate is not trusted by the provided cert chain".into()
        }
        other => format!("Certificate not trusted: {other}"),
    }
}

impl Certificate {
    fn der(&self) -> Result<CertificateDer<'_>, CertificateFailure> {
        match self.encoding {
            CertificateEncoding::Pem => {
                CertificateDer::from_pem_slice(&self.data).map_err(CertificateFailure::Pem)
            }
            CertificateEncoding::Der => Ok(CertificateDer::from_slice(&self.data)),
        }
    }
}

/// A validator that accepts every extended key usage.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
