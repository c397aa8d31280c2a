//! Signatures of images: cosign's simple signing, by public keys and by certificates.
//!
//! Keyless signatures require the trust root of sigstore's certificate authority and transparency
//! log (Fulcio, Rekor), which this host does not have. They are an error. No failure results in
//! `is_trusted`.

use std::collections::BTreeMap;

use oci_client::Reference;
use oci_client::manifest::OciDescriptor;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::crypto::{self, Certificate, CertificateEncoding, CertificateFailure};
use crate::oci::{Registries, RegistryFailure, reference};

/// The annotations that a signature must have.
type Annotations = BTreeMap<String, String>;

const PAYLOAD_MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE_ANNOTATION: &str = "dev.cosignproject.cosign/signature";
/// Signatures of one image that are checked; further ones are ignored.
const MAX_SIGNATURES: usize = 64;

/// The supported signature algorithms. Each rejects the keys of the others, so trying all is safe.
const ALGORITHMS: &[&dyn rustls::pki_types::SignatureVerificationAlgorithm] = &[
    webpki::ring::ECDSA_P256_SHA256,
    webpki::ring::ECDSA_P384_SHA384,
    webpki::ring::ECDSA_P384_SHA256,
    webpki::ring::ED25519,
    webpki::ring::RSA_PKCS1_2048_8192_SHA256,
    webpki::ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
];

/// A verification by public keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PubKeyVerify {
    /// The image reference.
    pub image: String,
    /// The public keys as PEM; each must have signed the image.
    pub pub_keys: Vec<String>,
    /// The annotations that the signatures must have.
    pub annotations: Option<Annotations>,
}

/// A verification by identities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeylessVerify {
    /// The image reference.
    pub image: String,
    /// The identities; each must have signed the image.
    pub keyless: Vec<KeylessIdentity>,
    /// The annotations that the signatures must have.
    pub annotations: Option<Annotations>,
}

/// The identity of a signer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeylessIdentity {
    /// The OIDC issuer of the identity.
    pub issuer: String,
    /// The subject of the identity.
    pub subject: String,
}

/// A verification by prefixes of identities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeylessPrefixVerify {
    /// The image reference.
    pub image: String,
    /// The identities; each must have signed the image.
    pub keyless_prefix: Vec<KeylessPrefix>,
    /// The annotations that the signatures must have.
    pub annotations: Option<Annotations>,
}

/// A set of signers' identities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeylessPrefix {
    /// The OIDC issuer of the identities.
    pub issuer: String,
    /// The prefix of the subjects, a URL.
    pub url_prefix: String,
}

/// A verification by the owner of GitHub workflows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GithubActionsVerify {
    /// The image reference.
    pub image: String,
    /// The owner of the repository.
    pub owner: String,
    /// The repository. Default: any of the owner's.
    pub repo: Option<String>,
    /// The annotations that the signatures must have.
    pub annotations: Option<Annotations>,
}

/// A verification by a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateVerify {
    /// The image reference.
    pub image: String,
    /// The certificate as PEM.
    pub certificate: Vec<u8>,
    /// The intermediates, then the root, each as PEM. Without a chain, the certificate itself is
    /// trusted.
    pub certificate_chain: Option<Vec<Vec<u8>>>,
    /// True if the signature must be in sigstore's transparency log.
    pub require_rekor_bundle: bool,
    /// The annotations that the signatures must have.
    pub annotations: Option<Annotations>,
}

/// A failed verification of an image.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignatureFailure {
    #[error("Must provide at least one pub key")]
    NoKeys,
    #[error("Must provide keyless info")]
    NoIdentities,
    #[error("Must provide owner info")]
    NoOwner,
    #[error("this host cannot verify keyless signatures: it has no sigstore trust root")]
    Keyless,
    #[error("this host cannot verify Rekor bundles: it has no sigstore trust root")]
    Rekor,
    #[error("cannot parse a public key")]
    Key(#[source] rustls::pki_types::pem::Error),
    #[error("a public key is not a valid SubjectPublicKeyInfo")]
    NotAKey,
    #[error("the certificate is not a PEM-encoded X.509 certificate")]
    NotACertificate,
    #[error("the certificate cannot be used for signing: {0}")]
    NotForSigning(&'static str),
    #[error("the certificate is not trusted: {0}")]
    Untrusted(String),
    #[error("cannot verify the certificate")]
    Certificate(#[from] CertificateFailure),
    #[error("cannot fetch the signatures of the image")]
    NoSignatures(#[source] RegistryFailure),
    #[error("verification failed: no signature of `{digest}` matches key {number} of {keys}")]
    NotSigned {
        digest: String,
        number: usize,
        keys: usize,
    },
    #[error(transparent)]
    Registry(#[from] RegistryFailure),
}

/// A signature in the form in which cosign stores it next to the image.
struct Signature {
    /// The signed bytes: JSON.
    payload: Vec<u8>,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct SimpleSigning {
    critical: Critical,
    optional: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Critical {
    image: SignedImage,
}

#[derive(Deserialize)]
struct SignedImage {
    #[serde(rename = "docker-manifest-digest")]
    docker_manifest_digest: String,
}

/// Returns `{"is_trusted": true, "digest"}` if every key signed the image.
pub(crate) async fn verify_keys(
    registries: &Registries,
    verify: &PubKeyVerify,
) -> Result<Vec<u8>, SignatureFailure> {
    if verify.pub_keys.is_empty() {
        return Err(SignatureFailure::NoKeys);
    }
    let keys = verify
        .pub_keys
        .iter()
        .map(|pem| public_key(pem.as_bytes()))
        .collect::<Result<Vec<_>, _>>()?;
    check_signatures(
        registries,
        &verify.image,
        &keys,
        verify.annotations.as_ref(),
    )
    .await
}

/// Returns `{"is_trusted": true, "digest"}` if the certificate is a trusted signing certificate and
/// its key signed the image.
pub(crate) async fn verify_certificate(
    registries: &Registries,
    verify: &CertificateVerify,
) -> Result<Vec<u8>, SignatureFailure> {
    if verify.require_rekor_bundle {
        return Err(SignatureFailure::Rekor);
    }
    let key = certified_key(&verify.certificate, verify.certificate_chain.as_deref())?;
    check_signatures(
        registries,
        &verify.image,
        &[key],
        verify.annotations.as_ref(),
    )
    .await
}

/// Returns the error for a keyless verification of this many identities. Without identities, it is
/// Kubewarden's.
pub(crate) fn keyless_failure(identities: usize) -> SignatureFailure {
    match identities {
        0 => SignatureFailure::NoIdentities,
        _ => SignatureFailure::Keyless,
    }
}

/// Returns the error for a verification by GitHub owner. Without an owner, it is Kubewarden's.
pub(crate) fn github_actions_failure(verify: &GithubActionsVerify) -> SignatureFailure {
    if verify.owner.is_empty() {
        SignatureFailure::NoOwner
    } else {
        SignatureFailure::Keyless
    }
}

async fn check_signatures(
    registries: &Registries,
    image: &str,
    keys: &[Vec<u8>],
    annotations: Option<&Annotations>,
) -> Result<Vec<u8>, SignatureFailure> {
    let image = reference(image)?;
    let digest = registries.digest(&image).await?;
    let signatures = signatures(registries, &image, &digest).await?;
    for (number, key) in keys.iter().enumerate() {
        let signed = signatures
            .iter()
            .any(|signature| signature.is_made_by(key) && signature.covers(&digest, annotations));
        if !signed {
            return Err(SignatureFailure::NotSigned {
                digest,
                number: number + 1,
                keys: keys.len(),
            });
        }
    }
    let response = json!({"is_trusted": true, "digest": digest});
    Ok(response.to_string().into_bytes())
}

/// Fetches the signatures of an image. Cosign stores those of `sha256:abc` as the layers of an
/// image tagged `sha256-abc.sig`.
async fn signatures(
    registries: &Registries,
    image: &Reference,
    digest: &str,
) -> Result<Vec<Signature>, SignatureFailure> {
    let stored = Reference::with_tag(
        image.registry().to_owned(),
        image.repository().to_owned(),
        format!("{}.sig", digest.replace(':', "-")),
    );
    let (manifest, _) = registries
        .image_manifest(&stored)
        .await
        .map_err(SignatureFailure::NoSignatures)?;
    let mut signatures = Vec::new();
    for layer in manifest.layers.iter().take(MAX_SIGNATURES) {
        if let Some(signature) = layer_signature(layer) {
            signatures.push(Signature {
                payload: registries.blob(&stored, layer).await?,
                signature,
            });
        }
    }
    Ok(signatures)
}

fn layer_signature(layer: &OciDescriptor) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let annotation = layer.annotations.as_ref()?.get(SIGNATURE_ANNOTATION)?;
    let signature = base64::engine::general_purpose::STANDARD.decode(annotation.trim());
    if layer.media_type == PAYLOAD_MEDIA_TYPE {
        signature.ok()
    } else {
        None
    }
}

impl Signature {
    fn is_made_by(&self, key: &[u8]) -> bool {
        ALGORITHMS.iter().any(|algorithm| {
            algorithm
                .verify_signature(key, &self.payload, &self.signature)
                .is_ok()
        })
    }

    fn covers(&self, digest: &str, annotations: Option<&Annotations>) -> bool {
        let Ok(signed) = serde_json::from_slice::<SimpleSigning>(&self.payload) else {
            return false;
        };
        let is_present = |(name, wanted): (&String, &String)| match signed
            .optional
            .as_ref()
            .and_then(|optional| optional.get(name))
        {
            Some(Value::String(text)) => text == wanted,
            Some(Value::Number(number)) => number.to_string() == *wanted,
            Some(Value::Bool(value)) => wanted == if *value { "true" } else { "false" },
            _ => false,
        };
        signed.critical.image.docker_manifest_digest == digest
            && annotations.into_iter().flatten().all(is_present)
    }
}

fn public_key(pem: &[u8]) -> Result<Vec<u8>, SignatureFailure> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(SignatureFailure::Key)?;
    let (_, key) = SubjectPublicKeyInfo::from_der(&der).map_err(|_| SignatureFailure::NotAKey)?;
    Ok(key.subject_public_key.data.into_owned())
}

/// Returns the key of a certificate, which must be valid now, usable for code signing, and trusted
/// by the chain if there is one.
fn certified_key(pem: &[u8], chain: Option<&[Vec<u8>]>) -> Result<Vec<u8>, SignatureFailure> {
    let der = CertificateDer::from_pem_slice(pem).map_err(|_| SignatureFailure::NotACertificate)?;
    let (_, certificate) =
        X509Certificate::from_der(&der).map_err(|_| SignatureFailure::NotACertificate)?;
    check_purpose(&certificate)?;
    if let Some(chain) = chain {
        let encoding = CertificateEncoding::Pem;
        let certificate = |data: &[u8]| Certificate {
            encoding,
            data: data.to_vec(),
        };
        let chain: Vec<Certificate> = chain.iter().map(|pem| certificate(pem)).collect();
        let distrust = crypto::reason_for_distrust(&certificate(pem), Some(&chain), crypto::now())?;
        if let Some(reason) = distrust {
            return Err(SignatureFailure::Untrusted(reason));
        }
    }
    Ok(certificate.public_key().subject_public_key.data.to_vec())
}

fn check_purpose(certificate: &X509Certificate<'_>) -> Result<(), SignatureFailure> {
    let wrong = |reason| Err(SignatureFailure::NotForSigning(reason));
    if !certificate.validity().is_valid() {
        return wrong("it has expired or is not valid yet");
    }
    match certificate.key_usage() {
        Ok(Some(usage)) if usage.value.digital_signature() => {}
        _ => return wrong("its key usage does not include digital signatures"),
    }
    match certificate.extended_key_usage() {
        Ok(Some(usage)) if usage.value.code_signing => {}
        _ => return wrong("its extended key usage does not include code signing"),
    }
    match certificate.subject_alternative_name() {
        Ok(Some(names)) if !names.value.general_names.is_empty() => Ok(()),
        _ => wrong("it has no subject alternative name"),
    }
}

#[cfg(test)]
mod tests;
