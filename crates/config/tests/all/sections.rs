//! One configuration where a list of one plane is expected, and texts in place of files.

use super::*;

/// A file for all planes.
const WHOLE: &str = "apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authentication: {modules: [{module: a.wasm}]}
authorization: {modules: [{module: b.wasm}]}
admission: {modules: [{module: c.wasm}, {module: d.wasm}]}
engine: {concurrentCalls: 3}
";

fn counts(config: &Configuration) -> [usize; 3] {
    [
        config.authentication.len(),
        config.authorization.len(),
        config.admission.len(),
    ]
}

#[test]
fn one_configuration_serves_where_a_list_of_one_plane_is_expected() {
    for (format, expected) in [
        (Format::Authentication, [1, 0, 0]),
        (Format::Authorization, [0, 1, 0]),
        (Format::AdmissionPlugin, [0, 0, 2]),
    ] {
        let config = load(format, WHOLE).expect("a configuration");
        assert_eq!(counts(&config), expected);
        assert_eq!(config.engine.concurrent_calls.get(), 3);
    }
}

#[test]
fn one_configuration_serves_as_what_the_admission_plugin_is_configured_with() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("all.yaml"), WHOLE).expect("a file");
    let named = "kind: AdmissionConfiguration\nplugins: [{name: WASM, path: all.yaml}]\n";
    let inline = format!(
        "kind: AdmissionConfiguration\nplugins:\n- name: WASM\n  configuration:\n    {}\n",
        WHOLE.trim_end().replace('\n', "\n    ")
    );
    for text in [named, &inline] {
        let path = dir.path().join("admission.yaml");
        std::fs::write(&path, text).expect("a file");
        let config = Configuration::load(&[Source::file(Format::Admission, path)]);
        assert_eq!(counts(&config.expect("a configuration")), [0, 0, 2]);
    }
}

#[test]
fn a_mistake_in_a_section_that_is_not_wanted_is_told_all_the_same() {
    let error = load(
        Format::Authorization,
        &WHOLE.replace("c.wasm", "c.wasm, x: 1"),
    );
    let error = error.expect_err("must be refused");
    assert!(error.contains("unknown field `x`"), "{error}");
}

#[test]
fn a_configuration_without_the_section_that_is_wanted_is_refused() {
    let text = "apiVersion: k8s-wasm/v1alpha1\nkind: Configuration\nadmission: {modules: []}\n";
    says(
        load(Format::Authentication, text),
        "DIR/config.yaml: authentication: is missing, and nothing else is read here",
    );
}

#[test]
fn another_kind_of_file_where_a_list_is_expected_is_told() {
    let text =
        "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins: []\n";
    let error = load(Format::Authorization, text).expect_err("must be refused");
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
fn a_text_is_read_as_if_it_were_in_the_file_that_it_names() {
    let text = br#"{"modules":[{"module":"sub/a.wasm","mutating":true}]}"#;
    let source = Source::text(
        Format::AdmissionPlugin,
        "/etc/wasm/plugin.yaml",
        text.to_vec(),
    );
    let config = Configuration::load(&[source]).expect("a configuration");
    assert_eq!(
        config.admission[0].policy.module,
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
fn texts_that_are_none_or_too_large_are_refused() {
    for (text, expected) in [
        (b"\xff".to_vec(), "is not text in UTF-8"),
        (vec![b' '; (4 << 20) + 1], "is no configuration file"),
        (Vec::new(), "the file is empty"),
    ] {
        let source = Source::text(Format::AdmissionPlugin, "inline", text);
        let error = Configuration::load(&[source]).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn an_unknown_exemption_is_told_with_its_place_and_the_nearest_need() {
    says(
        configuration("lockOutGuard:\n  exempt: [all, kubelet-leases, nonsense]"),
        "DIR/config.yaml:4:17: lockOutGuard.exempt[1]: `kubelet-leases` is nothing that the guard asks about (did you mean \
         `kubelet-lease`?)\n\
         DIR/config.yaml:4:33: lockOutGuard.exempt[2]: `nonsense` is nothing that the guard asks about",
    );
    says(
        configuration("authorization: {modules: [], lockOutGuard: {exempt: [node]}}"),
        "DIR/config.yaml:3:54: authorization.lockOutGuard.exempt[0]: `node` is nothing that the guard asks about",
    );
}

#[test]
fn exemptions_of_all_sections_add_up() {
    let config = configuration(
        "lockOutGuard: {exempt: [coredns]}\n\
         authorization: {modules: [], lockOutGuard: {exempt: [kube-proxy]}}\n\
         admission: {modules: [], lockOutGuard: {exempt: [endpoints, coredns]}}",
    )
    .expect("a configuration");
    let exempt: Vec<_> = config.lock_out_exempt.iter().collect();
    assert_eq!(exempt, ["coredns", "endpoints", "kube-proxy"]);
}
