//! A CA and a server certificate for development.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::outcome::{CommandError, Exit, ResultExt};

/// Names for which the server certificate is always valid.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Validity of the CA. Ten years, so that clients do not have to replace it.
const CA_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Validity of the server certificate. One year is enough, because each start creates a new one.
const SERVER_LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Tolerated difference between the clocks of two machines.
const CLOCK_SKEW: Duration = Duration::from_secs(60 * 60);

/// File mode of private keys.
const PRIVATE: u32 = 0o600;
/// File mode of certificates.
const PUBLIC: u32 = 0o644;

/// The PEM files of a development server.
#[derive(Debug)]
pub(super) struct DevCerts {
    /// The CA that clients trust. It is created only once.
    pub(super) ca: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Creates a server certificate for [`NAMES`] and `names`, signed by the CA in the directory.
/// Creates the CA if it does not exist.
pub(super) fn prepare(directory: &Path, names: &[String]) -> Result<DevCerts, CommandError> {
    let files = DevCerts {
        ca: directory.join("ca.crt"),
        certificate: directory.join("tls.crt"),
        key: directory.join("tls.key"),
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("failed to create `{}`", directory.display()))
        .with_exit(Exit::Failure)?;
    let ca = load_or_create_ca(&files.ca, &directory.join("ca.key"))?;

    let names = NAMES
        .into_iter()
        .map(str::to_owned)
        .chain(names.iter().cloned());
    let mut params = CertificateParams::new(names.collect::<Vec<_>>())
        .context("invalid name in `--dev-cert-names`")?;
    params
        .distinguished_name
        .push(DnType::CommonName, "k8s-wasm development server");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    set_validity(&mut params, SERVER_LIFETIME);
    let key = KeyPair::generate().context("failed to generate a key")?;
    let certificate = params
        .signed_by(&key, &ca)
        .context("failed to sign the server certificate")?;
    write(&files.key, &key.serialize_pem(), PRIVATE)?;
    write(&files.certificate, &certificate.pem(), PUBLIC)?;
    Ok(files)
}

fn load_or_create_ca(
    certificate_file: &Path,
    key_file: &Path,
) -> Result<Issuer<'static, KeyPair>, CommandError> {
    if certificate_file.exists() && key_file.exists() {
        let pem = fs::read_to_string(key_file)
            .with_context(|| format!("failed to read `{}`", key_file.display()))?;
        let key = KeyPair::from_pem(&pem)
            .with_context(|| format!("`{}` is not a private key", key_file.display()))
            .with_hint("remove the directory to create a new CA")?;
        return Ok(Issuer::new(ca_params(), key));
    }
    let key = KeyPair::generate().context("failed to generate a key")?;
    let certificate = ca_params()
        .self_signed(&key)
        .context("failed to sign the CA certificate")?;
    write(key_file, &key.serialize_pem(), PRIVATE)?;
    write(certificate_file, &certificate.pem(), PUBLIC)?;
    Ok(Issuer::new(ca_params(), key))
}

/// Returns the parameters of the CA. Except for the dates they are always the same, so that an
/// existing CA is the issuer of a new certificate.
fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "k8s-wasm development CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_validity(&mut params, CA_LIFETIME);
    params
}

fn set_validity(params: &mut CertificateParams, lifetime: Duration) {
    let now = SystemTime::now();
    params.not_before = (now - CLOCK_SKEW).into();
    params.not_after = (now + lifetime).into();
}

/// Writes a temporary file and renames it, so that a server that reloads its files never reads a
/// partial one.
fn write(file: &Path, pem: &str, mode: u32) -> Result<(), CommandError> {
    let replace = || -> io::Result<()> {
        let temporary = file.with_extension("new");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(mode);
        options.open(&temporary)?.write_all(pem.as_bytes())?;
        fs::rename(&temporary, file)
    };
    replace()
        .with_context(|| format!("failed to write `{}`", file.display()))
        .with_exit(Exit::Failure)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::terminal::Styles;

    #[test]
    fn keeps_the_ca_and_renews_the_server_certificate() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("certs");
        let first = prepare(&path, &[]).unwrap();
        let (ca, certificate) = (
            fs::read(&first.ca).unwrap(),
            fs::read(&first.certificate).unwrap(),
        );
        let second = prepare(&path, &["webhook.example.com".to_owned()]).unwrap();
        assert_eq!(fs::read(&second.ca).unwrap(), ca);
        assert_ne!(fs::read(&second.certificate).unwrap(), certificate);
    }

    #[test]
    fn keys_are_readable_by_the_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("certs");
        let files = prepare(&path, &[]).unwrap();
        for private in [&files.key, &path.join("ca.key")] {
            assert_eq!(fs::metadata(private).unwrap().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn rejects_an_invalid_ca_key() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("ca.crt"), "x").unwrap();
        fs::write(directory.path().join("ca.key"), "x").unwrap();
        let error = prepare(directory.path(), &[]).unwrap_err();
        let mut text = Vec::new();
        error.write(&mut text, Styles::default()).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("hint:  remove the directory"), "{text}");
    }
}
