//! Files that an operator wrote, or nearly: in each format, with every mistake told in few words.
#![no_main]

use std::path::Path;

use host::Configuration;
use host::config::{ConfigErrors, Format, Source};
use libfuzzer_sys::fuzz_target;

/// A folder that is not there, so that nothing is read beside the text.
const FOLDER: &str = "/nonexistent/k8s-wasm-fuzz";

fuzz_target!(|text: &[u8]| {
    let store = Path::new(FOLDER).join("store");
    for format in [
        Format::Configuration,
        Format::Authentication,
        Format::Authorization,
        Format::Admission,
        Format::AdmissionPlugin,
        Format::Policies { store: Some(store) },
    ] {
        let path = Path::new(FOLDER).join("config.yaml");
        match Configuration::load(&[Source::text(format, path, text.to_vec())]) {
            Ok(configuration) => is_meant(&configuration),
            Err(errors) => is_told(&errors, text),
        }
    }
});

/// Nothing checks again what is checked here.
fn is_meant(configuration: &Configuration) {
    for policy in configuration.policies() {
        assert!(!policy.name.as_str().is_empty());
        assert!(!policy.timeout.is_zero(), "a call could never succeed");
        if let Some(settings) = &policy.settings {
            assert!(serde_json::from_str::<serde_json::Value>(settings.get()).is_ok());
        }
    }
}

/// A few times the file at most, however often it is quoted.
fn is_told(errors: &ConfigErrors, text: &[u8]) {
    assert!(errors.iter().next().is_some());
    let told = errors.to_string();
    assert!(
        told.len() <= 64 * 1024 + 64 * text.len(),
        "{} bytes of errors about {} bytes",
        told.len(),
        text.len()
    );
}
