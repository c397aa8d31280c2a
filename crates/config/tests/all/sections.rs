//! A configuration in place of the list of one plane, texts in place of files, and exemptions.

use std::path::Path;

use config::{Configuration, Format, Source};

use crate::configuration::{configuration, fails_with, load};

/// A file for all planes.
const WHOLE: &str = "apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authentication: {modules: [{module: a.wasm}]}
authorization: {modules: [{module: b.wasm}]}
admission: {modules: [{module: c.wasm}, {module: d.wasm}]}
engine: {maxConcurrentCalls: 3}
";

fn counts(config: &Configuration) -> [usize; 3] {
    [
        config.authentication.len(),
        config.authorization.len(),
        config.admission.len(),
    ]
}

#[test]
fn accepts_a_configuration_in_place_of_the_list_of_one_plane() {
    for (format, expected) in [
        (Format::Authentication, [1, 0, 0]),
        (Format::Authorization, [0, 1, 0]),
        (Format::AdmissionPlugin, [0, 0, 2]),
    ] {
        let config = load(format, WHOLE).unwrap();
        assert_eq!(counts(&config), expected);
        assert_eq!(config.engine.max_concurrent_calls.get(), 3);
    }
}

#[test]
fn accepts_a_configuration_as_the_configuration_of_the_admission_plugin() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("all.yaml"), WHOLE).unwrap();
    let named = "kind: AdmissionConfiguration\nplugins: [{name: WASM, path: all.yaml}]\n";
    let inline = format!(
        "kind: AdmissionConfiguration\nplugins:\n- name: WASM\n  configuration:\n    {}\n",
        WHOLE.trim_end().replace('\n', "\n    ")
    );
    for text in [named, &inline] {
        let path = dir.path().join("admission.yaml");
        std::fs::write(&path, text).unwrap();
        let config = Configuration::load(&[Source::file(Format::Admission, path)]);
        assert_eq!(counts(&config.unwrap()), [0, 0, 2]);
    }
}

#[test]
fn errors_in_ignored_sections_are_reported() {
    let error = load(
        Format::Authorization,
        &WHOLE.replace("c.wasm", "c.wasm, x: 1"),
    );
    let error = error.unwrap_err();
    assert!(error.contains("unknown field `x`"), "{error}");
}

#[test]
fn rejects_a_configuration_without_the_section_of_the_plane() {
    let text = "apiVersion: k8s-wasm/v1alpha1\nkind: Configuration\nadmission: {modules: []}\n";
    fails_with(
        load(Format::Authentication, text),
        "DIR/config.yaml: authentication: is missing, and this file is read for no other section",
    );
}

#[test]
fn rejects_another_kind_of_file_in_place_of_a_list() {
    let text =
        "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins: []\n";
    let error = load(Format::Authorization, text).unwrap_err();
    assert!(
        error.contains("apiVersion: is `apiserver.config.k8s.io/v1`"),
        "{error}"
    );
    assert!(
        error.contains("`--admission-control-config-file`"),
        "{error}"
    );
}

#[test]
fn paths_in_a_text_are_relative_to_the_path_of_the_source() {
    let text = br#"{"modules":[{"module":"sub/a.wasm","mutating":true}]}"#;
    let source = Source::text(
        Format::AdmissionPlugin,
        "/etc/wasm/plugin.yaml",
        text.to_vec(),
    );
    let config = Configuration::load(&[source]).unwrap();
    assert_eq!(
        config.modules().next().unwrap().2,
        Path::new("/etc/wasm/sub/a.wasm")
    );

    let source = Source::text(
        Format::Authorization,
        "/etc/authz.yaml",
        b"modules: 1".to_vec(),
    );
    let error = Configuration::load(&[source]).unwrap_err().to_string();
    assert!(
        error.starts_with("/etc/authz.yaml:1:10: modules: "),
        "{error}"
    );
}

#[test]
fn rejects_binary_large_and_empty_texts() {
    for (text, expected) in [
        (b"\xff".to_vec(), "is not text in UTF-8"),
        (
            vec![b' '; (4 << 20) + 1],
            "is too large for a configuration file",
        ),
        (Vec::new(), "the file is empty"),
    ] {
        let source = Source::text(Format::AdmissionPlugin, "inline", text);
        let error = Configuration::load(&[source]).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn unknown_exemptions_are_reported_with_position_and_nearest_operation() {
    fails_with(
        configuration("lockOutGuard:\n  exempt: [all, kubelet-leases, nonsense]"),
        "DIR/config.yaml:4:17: lockOutGuard.exempt[1]: unknown essential operation `kubelet-leases` (did you mean \
         `kubelet-lease`?)\n\
         DIR/config.yaml:4:33: lockOutGuard.exempt[2]: unknown essential operation `nonsense`",
    );
    fails_with(
        configuration("authorization: {modules: [], lockOutGuard: {exempt: [node]}}"),
        "DIR/config.yaml:3:54: authorization.lockOutGuard.exempt[0]: unknown essential operation `node`",
    );
}

#[test]
fn exemptions_of_all_sections_are_merged() {
    let config = configuration(
        "lockOutGuard: {exempt: [coredns]}\n\
         authorization: {modules: [], lockOutGuard: {exempt: [kube-proxy]}}\n\
         admission: {modules: [], lockOutGuard: {exempt: [endpoints, coredns]}}",
    )
    .unwrap();
    let exempt: Vec<_> = config.exemptions.iter().collect();
    assert_eq!(exempt, ["coredns", "endpoints", "kube-proxy"]);
}
