//! Files that change while the server runs.

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use super::*;

/// A folder with a certificate and its key.
struct Mounted(TempDir);

impl Mounted {
    fn new() -> Self {
        let mounted = Self(TempDir::new().expect("a folder"));
        mounted.renew();
        mounted
    }

    fn renew(&self) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        self.write(
            "tls.crt",
            &params.self_signed(&key).expect("a certificate").pem(),
        );
        self.write("tls.key", &key.serialize_pem());
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.0.path().join(name), content).expect("written");
    }

    fn load(&self) -> Arc<Identity> {
        let certificate = CertificatePath(self.0.path().join("tls.crt"));
        let key = KeyPath(self.0.path().join("tls.key"));
        Identity::load(&certificate, &key, &Clients::Anyone).expect("loaded")
    }
}

#[test]
fn a_renewed_certificate_is_used() {
    let mounted = Mounted::new();
    let identity = mounted.load();
    let before = identity.config();
    assert_eq!(identity.renew().expect("readable"), Renewal::Unchanged);
    assert!(Arc::ptr_eq(&before, &identity.config()));

    mounted.renew();
    assert_eq!(identity.renew().expect("readable"), Renewal::Renewed);
    assert!(!Arc::ptr_eq(&before, &identity.config()));
}

#[test]
fn files_that_cannot_be_used_change_nothing() {
    let mounted = Mounted::new();
    let identity = mounted.load();
    let before = identity.config();
    // Half of a renewal: the key is not there yet.
    let key = KeyPair::generate().expect("a key");
    mounted.write("tls.key", &key.serialize_pem());
    let error = identity.renew().expect_err("a mismatch");
    assert!(
        matches!(error.kind, TlsErrorKind::KeyMismatch { .. }),
        "{error:?}"
    );
    assert!(Arc::ptr_eq(&before, &identity.config()));
}

#[test]
fn the_key_is_not_shown() {
    let text = format!("{:?}", Mounted::new().load());
    assert!(
        text.contains("tls.key") && !text.contains("PRIVATE"),
        "{text}"
    );
}
