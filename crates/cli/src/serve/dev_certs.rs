//! A CA and a server certificate for trying things out.

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

use crate::outcome::{Failed, OrFailed};

/// What the server's certificate is valid for in any case.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Long enough to try things out for months.
const CA_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// A new certificate is made at each start; nobody runs a trial for longer.
const SERVER_LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Clocks of two machines differ.
const CLOCK_SKEW: Duration = Duration::from_secs(60 * 60);

/// The files, all PEM.
#[derive(Debug)]
pub(super) struct DevCerts {
    /// What clients trust. Made once, so that they need it once.
    pub(super) ca: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Uses the CA in a directory, or makes one, and makes a server certificate of it for the usual names and `names`.
pub(super) fn prepare(directory: &Path, names: &[String]) -> Result<DevCerts, Failed> {
    let files = DevCerts {
        ca: directory.join("ca.crt"),
        certificate: directory.join("tls.crt"),
        key: directory.join("tls.key"),
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("failed to make `{}`", directory.display()))
        .environment()?;
    let ca = ca(&files.ca, &directory.join("ca.key"))?;

    let names = NAMES
        .into_iter()
        .map(str::to_owned)
        .chain(names.iter().cloned());
    let mut params = CertificateParams::new(names.collect::<Vec<_>>())
        .context("failed to make a certificate for the names of `--dev-names`")?;
    params
        .distinguished_name
        .push(DnType::CommonName, "k8s-wasm development server");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    valid_for(&mut params, SERVER_LIFETIME);
    let key = KeyPair::generate().context("failed to make a key")?;
    let certificate = params
        .signed_by(&key, &ca)
        .context("failed to sign the certificate")?;
    write(&files.key, &key.serialize_pem(), PRIVATE)?;
    write(&files.certificate, &certificate.pem(), PUBLIC)?;
    Ok(files)
}

fn ca(certificate_file: &Path, key_file: &Path) -> Result<Issuer<'static, KeyPair>, Failed> {
    match (certificate_file.exists(), key_file.exists()) {
        (true, true) => {
            let pem = fs::read_to_string(key_file)
                .with_context(|| format!("failed to read `{}`", key_file.display()))?;
            let key = KeyPair::from_pem(&pem)
                .with_context(|| format!("`{}` is no private key", key_file.display()))
                .hint("remove the directory to have everything made anew")?;
            Ok(Issuer::new(ca_params(), key))
        }
        _ => {
            let key = KeyPair::generate().context("failed to make a key")?;
            let certificate = ca_params()
                .self_signed(&key)
                .context("failed to sign the CA's certificate")?;
            write(key_file, &key.serialize_pem(), PRIVATE)?;
            write(certificate_file, &certificate.pem(), PUBLIC)?;
            Ok(Issuer::new(ca_params(), key))
        }
    }
}

/// The same at each start but for the dates, so that a CA made earlier is the issuer of what is signed now.
fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "k8s-wasm development CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid_for(&mut params, CA_LIFETIME);
    params
}

fn valid_for(params: &mut CertificateParams, lifetime: Duration) {
    let now = SystemTime::now();
    params.not_before = (now - CLOCK_SKEW).into();
    params.not_after = (now + lifetime).into();
}

const PRIVATE: u32 = 0o600;
const PUBLIC: u32 = 0o644;

/// Writes beside the file and renames: a server that reads its files again never sees half of one.
fn write(file: &Path, pem: &str, mode: u32) -> Result<(), Failed> {
    let written = || -> io::Result<()> {
        let temporary = file.with_extension("new");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(mode);
        options.open(&temporary)?.write_all(pem.as_bytes())?;
        fs::rename(&temporary, file)
    };
    written()
        .with_context(|| format!("failed to write `{}`", file.display()))
        .environment()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn keeps_the_ca_and_renews_the_certificate() {
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
    fn keys_are_for_the_user_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("certs");
        let files = prepare(&path, &[]).unwrap();
        for private in [&files.key, &path.join("ca.key")] {
            assert_eq!(fs::metadata(private).unwrap().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_broken_key_is_an_error_that_says_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("ca.crt"), "x").unwrap();
        fs::write(directory.path().join("ca.key"), "x").unwrap();
        assert!(prepare(directory.path(), &[]).is_err());
    }
}
