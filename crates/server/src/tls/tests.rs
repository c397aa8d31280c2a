//! Tests of files that change while the server runs.

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use super::*;

/// A directory with a certificate and its key.
struct Mounted(TempDir);

impl Mounted {
    fn new() -> Self {
        let mounted = Self(TempDir::new().unwrap());
        mounted.renew();
        mounted
    }

    fn renew(&self) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        self.write("tls.crt", &params.self_signed(&key).unwrap().pem());
        self.write("tls.key", &key.serialize_pem());
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.0.path().join(name), content).unwrap();
    }

    fn load(&self) -> Arc<Identity> {
        let certificate = CertificatePath(self.0.path().join("tls.crt"));
        let key = KeyPath(self.0.path().join("tls.key"));
        Identity::load(&certificate, &key, &Clients::Anyone).unwrap()
    }
}

#[test]
fn reloads_a_renewed_certificate() {
    let mounted = Mounted::new();
    let identity = mounted.load();
    let before = identity.config();
    assert_eq!(identity.reload().unwrap(), Reload::Unchanged);
    assert!(Arc::ptr_eq(&before, &identity.config()));

    mounted.renew();
    assert_eq!(identity.reload().unwrap(), Reload::Changed);
    assert!(!Arc::ptr_eq(&before, &identity.config()));
}

#[test]
fn keeps_the_previous_certificate_if_the_files_do_not_match() {
    let mounted = Mounted::new();
    let identity = mounted.load();
    let before = identity.config();
    // A renewal in progress: the certificate is not written yet.
    let key = KeyPair::generate().unwrap();
    mounted.write("tls.key", &key.serialize_pem());
    let error = identity.reload().unwrap_err();
    assert!(
        matches!(error.kind, TlsErrorKind::KeyMismatch { .. }),
        "{error:?}"
    );
    assert!(Arc::ptr_eq(&before, &identity.config()));
}

#[test]
fn debug_output_omits_the_key() {
    let text = format!("{:?}", Mounted::new().load());
    assert!(
        text.contains("tls.key") && !text.contains("PRIVATE"),
        "{text}"
    );
}
