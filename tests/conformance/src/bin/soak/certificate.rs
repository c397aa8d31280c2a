//! Renewal of the certificate of `k8s-wasm serve`, as by a certificate manager.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair};

/// Issues a certificate by the authority that `--dev-certs` created, and writes it with its key.
/// Returns its expiry, Unix time. Each `serial` expires on another day, which distinguishes
/// certificates.
///
/// # Errors
/// If the authority's key is invalid, or a file cannot be written.
pub fn renew(directory: &Path, serial: u64) -> Result<u64> {
    const DAY: u64 = 24 * 60 * 60;
    let authority = KeyPair::from_pem(&fs::read_to_string(directory.join("ca.key"))?)?;
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "k8s-wasm development CA");
    let issuer = Issuer::new(params, authority);

    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let expiry = now + (1 + serial) * DAY;
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = at(now - DAY).into();
    params.not_after = at(expiry).into();
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?;
    // For a moment the two files do not match, which the server must tolerate.
    replace(&directory.join("tls.key"), &key.serialize_pem())?;
    replace(&directory.join("tls.crt"), &certificate.pem())?;
    Ok(expiry)
}

/// Decodes the only certificate in `pem`.
///
/// # Errors
/// If it is not PEM.
pub fn der(pem: &str) -> Result<Vec<u8>> {
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    BASE64
        .decode(lines.collect::<String>())
        .context("the certificate is not PEM")
}

fn replace(file: &Path, pem: &str) -> Result<()> {
    let new = file.with_extension("renewed");
    fs::write(&new, pem)?;
    fs::rename(&new, file).with_context(|| format!("failed to replace `{}`", file.display()))
}
