//! A self-signed certificate for localhost, in files as servers read them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";

/// A certificate and its key in a temporary folder, which is removed when this is dropped.
pub struct Certificates {
    folder: tempfile::TempDir,
    certificate: rcgen::Certificate,
}

impl Certificates {
    /// Creates a certificate and writes the files.
    pub fn new() -> anyhow::Result<Self> {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let folder = tempfile::tempdir()?;
        let key = certified.signing_key.serialize_pem();
        std::fs::write(certificate_path(folder.path()), certified.cert.pem())?;
        std::fs::write(key_path(folder.path()), key)?;
        Ok(Self {
            folder,
            certificate: certified.cert,
        })
    }

    /// Returns the folder of the files, in which other files may be created.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Creates the configuration of a client that trusts the certificate.
    pub fn client_config(&self) -> anyhow::Result<rustls::ClientConfig> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.certificate.der().clone())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Ok(rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("the TLS versions are not supported")?
            .with_root_certificates(roots)
            .with_no_client_auth())
    }
}

/// Returns the path of the certificate in a folder of certificates.
pub fn certificate_path(folder: &Path) -> PathBuf {
    folder.join(CERTIFICATE)
}

/// Returns the path of the key in a folder of certificates.
pub fn key_path(folder: &Path) -> PathBuf {
    folder.join(KEY)
}
