//! Configuration files in each format: accepted files resolve to valid configurations, and errors
//! are short.
#![no_main]

use std::path::Path;

use host::Configuration;
use host::config::{ConfigErrors, Format, Source};
use libfuzzer_sys::fuzz_target;

/// A folder that does not exist, so that only the text is read.
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
            Ok(configuration) => assert_valid(&configuration),
            Err(errors) => assert_short(&errors, text),
        }
    }
});

/// Asserts properties on which later code relies without checks.
fn assert_valid(configuration: &Configuration) {
    for policy in configuration.policies() {
        assert!(!policy.name.as_str().is_empty());
        assert!(!policy.timeout.is_zero(), "a call could never succeed");
        if let Some(settings) = &policy.settings {
            assert!(serde_json::from_str::<serde_json::Value>(settings.get()).is_ok());
        }
    }
}

/// Asserts that the errors are at most a few times as long as the file, although they quote it.
fn assert_short(errors: &ConfigErrors, text: &[u8]) {
    assert!(errors.iter().next().is_some());
    let message = errors.to_string();
    assert!(
        message.len() <= 64 * 1024 + 64 * text.len(),
        "{} bytes of errors about {} bytes",
        message.len(),
        text.len()
    );
}
