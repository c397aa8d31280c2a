//! Signatures of images: cosign's simple signing, by public keys and by certificates.
//!
//! Keyless signatures need the certificate authority and the log of sigstore (Fulcio, Rekor), whose trust root this host
//! does not have: they are an error. No failure is ever answered with `is_trusted`.

use std::collections::BTreeMap;

use oci_client::Reference;
use oci_client::manifest::OciDescriptor;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::crypto::{self, Certificate, CertificateEncoding, CertificateFailure};
use crate::oci::{Registries, RegistryFailure, reference};

/// Annotations that every signature must carry.
type Annotations = BTreeMap<String, String>;

const PAYLOAD_MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE_ANNOTATION: &str = "dev.cosignproject.cosign/signature";
/// More signatures of one image are not looked at.
const SIGNATURES_MAX: usize = 64;

/// What keys sign with. Each refuses the keys of the others, so trying all of them is safe.
const ALGORITHMS: &[&dyn rustls_pki_types::SignatureVerificationAlgorithm] = &[
    webpki::ring::ECDSA_P256_SHA256,
    webpki::ring::ECDSA_P384_SHA384,
    webpki::ring::ECDSA_P384_SHA256,
    webpki::ring::ED25519,
    webpki::ring::RSA_PKCS1_2048_8192_SHA256,
    webpki::ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
];

/// Verification by public keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PubKeyVerify {
    /// A reference.
    pub image: String,
    /// PEM; all of them must have signed.
    pub pub_keys: Vec<String>,
    /// What the signatures must carry.
    pub annotations: Option<Annotations>,
}

/// Verification by identities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeylessVerify {
    /// A reference.
    pub image: String,
    /// All of them must have signed.
    pub keyless: Vec<KeylessIdentity>,
    /// What the signatures must carry.
    pub annotations: Option<Annotations>,
}

/// An identity that signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeylessIdentity {
    /// Who vouches for it.
    pub issuer: String,
    /// Its name.
    pub subject: String,
}

/// Verification by prefixes of identities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeylessPrefixVerify {
    /// A reference.
    pub image: String,
    /// All of them must have signed.
    pub keyless_prefix: Vec<KeylessPrefix>,
    /// What the signatures must carry.
    pub annotations: Option<Annotations>,
}

/// Identities that sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeylessPrefix {
    /// Who vouches for them.
    pub issuer: String,
    /// How their names begin.
    pub url_prefix: String,
}

/// Verification by an owner of GitHub workflows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GithubActionsVerify {
    /// A reference.
    pub image: String,
    /// Owner of the repository.
    pub owner: String,
    /// The repository, if it matters.
    pub repo: Option<String>,
    /// What the signatures must carry.
    pub annotations: Option<Annotations>,
}

/// Verification by a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateVerify {
    /// A reference.
    pub image: String,
    /// PEM.
    pub certificate: Vec<u8>,
    /// PEM each: intermediates, then the root. Without it the certificate is trusted as it is.
    pub certificate_chain: Option<Vec<Vec<u8>>>,
    /// Accept only what the log of sigstore has seen.
    pub require_rekor_bundle: bool,
    /// What the signatures must carry.
    pub annotations: Option<Annotations>,
}

/// Why an image is not verified.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignatureFailure {
    #[error("Must provide at least one pub key")]
    NoKeys,
    #[error("Must provide keyless info")]
    NoIdentities,
    #[error("Must provide owner info")]
    NoOwner,
    #[error("this host cannot verify keyless signatures: it has no trust root of sigstore")]
    Keyless,
    #[error("this host cannot verify Rekor bundles: it has no trust root of sigstore")]
    Rekor,
    #[error("a public key cannot be read")]
    Key(#[source] rustls_pki_types::pem::Error),
    #[error("not the PEM of a public key")]
    NotAKey,
    #[error("not the PEM of an X.509 certificate")]
    NotACertificate,
    #[error("the certificate is not for signing: {0}")]
    NotForSigning(&'static str),
    #[error("the certificate is not trusted: {0}")]
    Untrusted(String),
    #[error("the certificate cannot be judged")]
    Certificate(#[from] CertificateFailure),
    #[error("the registry has no signatures of the image")]
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

/// A signature as cosign stores it beside the image.
struct Signature {
    /// What was signed: JSON.
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

/// `{"is_trusted": true, "digest"}` when every key has signed.
pub(crate) async fn verify_keys(
    registries: &Registries,
    asked: &PubKeyVerify,
) -> Result<Vec<u8>, SignatureFailure> {
    if asked.pub_keys.is_empty() {
        return Err(SignatureFailure::NoKeys);
    }
    let keys = asked
        .pub_keys
        .iter()
        .map(|pem| public_key(pem.as_bytes()))
        .collect::<Result<Vec<_>, _>>()?;
    verify(registries, &asked.image, &keys, asked.annotations.as_ref()).await
}

/// `{"is_trusted": true, "digest"}` when the certificate's key has signed, and the certificate may.
pub(crate) async fn verify_certificate(
    registries: &Registries,
    asked: &CertificateVerify,
) -> Result<Vec<u8>, SignatureFailure> {
    if asked.require_rekor_bundle {
        return Err(SignatureFailure::Rekor);
    }
    let key = certified_key(&asked.certificate, asked.certificate_chain.as_deref())?;
    verify(registries, &asked.image, &[key], asked.annotations.as_ref()).await
}

/// Always an error; the peer's for what is missing in the question.
pub(crate) fn verify_keyless(identities: usize) -> SignatureFailure {
    match identities {
        0 => SignatureFailure::NoIdentities,
        _ => SignatureFailure::Keyless,
    }
}

/// Always an error.
pub(crate) fn verify_github_actions(asked: &GithubActionsVerify) -> SignatureFailure {
    match asked.owner.is_empty() {
        true => SignatureFailure::NoOwner,
        false => SignatureFailure::Keyless,
    }
}

async fn verify(
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
            .any(|signature| signature.is_of(key) && signature.is_about(&digest, annotations));
        if !signed {
            return Err(SignatureFailure::NotSigned {
                digest,
                number: number + 1,
                keys: keys.len(),
            });
        }
    }
    let answer = json!({"is_trusted": true, "digest": digest});
    Ok(answer.to_string().into_bytes())
}

/// Cosign keeps the signatures of `sha256:abc` as the layers of an image tagged `sha256-abc.sig`.
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
    for layer in manifest.layers.iter().take(SIGNATURES_MAX) {
        if let Some(signature) = signature_of(layer) {
            signatures.push(Signature {
                payload: registries.blob(&stored, layer).await?,
                signature,
            });
        }
    }
    Ok(signatures)
}

fn signature_of(layer: &OciDescriptor) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let annotation = layer.annotations.as_ref()?.get(SIGNATURE_ANNOTATION)?;
    let signature = base64::engine::general_purpose::STANDARD.decode(annotation.trim());
    (layer.media_type == PAYLOAD_MEDIA_TYPE)
        .then_some(signature.ok())
        .flatten()
}

impl Signature {
    fn is_of(&self, key: &[u8]) -> bool {
        ALGORITHMS.iter().any(|algorithm| {
            algorithm
                .verify_signature(key, &self.payload, &self.signature)
                .is_ok()
        })
    }

    fn is_about(&self, digest: &str, annotations: Option<&Annotations>) -> bool {
        let Ok(signed) = serde_json::from_slice::<SimpleSigning>(&self.payload) else {
            return false;
        };
        let carries = |(name, wanted): (&String, &String)| match signed
            .optional
            .as_ref()
            .and_then(|optional| optional.get(name))
        {
            Some(Value::String(text)) => text == wanted,
            Some(Value::Number(number)) => number.to_string() == *wanted,
            Some(Value::Bool(answer)) => wanted == if *answer { "true" } else { "false" },
            _ => false,
        };
        signed.critical.image.docker_manifest_digest == digest
            && annotations.into_iter().flatten().all(carries)
    }
}

fn public_key(pem: &[u8]) -> Result<Vec<u8>, SignatureFailure> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(SignatureFailure::Key)?;
    let (_, key) = SubjectPublicKeyInfo::from_der(&der).map_err(|_| SignatureFailure::NotAKey)?;
    Ok(key.subject_public_key.data.into_owned())
}

/// The key of a certificate that is valid now, is for signing code, and is trusted by the chain if there is one.
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
        let because = crypto::untrusted_because(&certificate(pem), Some(&chain), crypto::now())?;
        if let Some(reason) = because {
            return Err(SignatureFailure::Untrusted(reason));
        }
    }
    Ok(certificate.public_key().subject_public_key.data.to_vec())
}

fn check_purpose(certificate: &X509Certificate<'_>) -> Result<(), SignatureFailure> {
    let wrong = |what| Err(SignatureFailure::NotForSigning(what));
    if !certificate.validity().is_valid() {
        return wrong("it is expired or not valid yet");
    }
    match certificate.key_usage() {
        Ok(Some(usage)) if usage.value.digital_signature() => {}
        _ => return wrong("its key usage is not digital signature"),
    }
    match certificate.extended_key_usage() {
        Ok(Some(usage)) if usage.value.code_signing => {}
        _ => return wrong("its extended key usage is not code signing"),
    }
    match certificate.subject_alternative_name() {
        Ok(Some(names)) if !names.value.general_names.is_empty() => Ok(()),
        _ => wrong("it has no subject alternative name"),
    }
}

#[cfg(test)]
mod tests;
