//! What configuration files mean, and how each mistake in one is told.

mod sections;

use std::path::Path;
use std::time::Duration;

use access::{admission, authn, authz};

use super::*;

/// Loads one file with the given text, from a directory that is gone afterwards.
fn load(format: Format, text: &str) -> Result<Configuration, String> {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("config.yaml");
    std::fs::write(&path, text).expect("a file");
    let shown = dir.path().display().to_string();
    Configuration::load(&[Source::file(format, path)])
        .map_err(|error| error.to_string().replace(&shown, "DIR"))
}

/// A configuration with the given body after the header, which has two lines.
fn configuration(body: &str) -> Result<Configuration, String> {
    load(
        Format::Configuration,
        &format!("apiVersion: k8s-wasm/v1alpha1\nkind: Configuration\n{body}"),
    )
}

fn admitter(fields: &str) -> Result<AdmissionPolicy, String> {
    let body = format!("admission:\n  modules:\n  - module: m.wasm\n{fields}");
    configuration(&body).map(|mut config| config.admission.remove(0))
}

#[track_caller]
fn says(result: Result<impl std::fmt::Debug, String>, expected: &str) {
    assert_eq!(result.expect_err("must be refused"), expected);
}

#[test]
fn defaults_are_the_documented_ones() {
    let entry = admitter("").expect("a policy");
    assert_eq!(entry.policy.name.as_str(), "m.wasm");
    assert_eq!(entry.policy.timeout, Duration::from_secs(1));
    assert_eq!(entry.policy.limits, engine::Limits::default());
    assert!(
        entry.policy.settings.is_none() && !entry.policy.debug && entry.policy.dialect.is_none()
    );
    assert!(!entry.mutating && entry.rules.is_empty());
    assert_eq!(entry.on_failure, admission::OnFailure::Fail);
}

#[test]
fn reads_every_field_of_every_plane() {
    let config = configuration(
        "authentication:
  modules:
  - {name: tokens, module: a.wasm, allowSystemNames: true, timeout: 250ms, debug: true}
authorization:
  modules:
  - {name: owners, module: b.wasm, failurePolicy: Deny, settings: {a: [1, 2.5, yes-text]}}
admission:
  modules:
  - name: labels
    module: c.wasm
    mutating: true
    type: wasi
    failurePolicy: Ignore
    limits: {memory: 32Mi, input: 1Mi, output: 2Mi, log: 4Ki}
    rules:
    - {operations: [CREATE], apiGroups: [''], apiVersions: [v1], resources: [pods], scope: Namespaced}
engine: {concurrentCalls: 3, waitingCalls: 5, memoryMax: 128Mi}
",
    )
    .expect("a configuration");
    let [tokens] = &config.authentication[..] else {
        panic!("one authenticator")
    };
    assert_eq!(tokens.system_names, authn::SystemNames::Granted);
    assert_eq!(tokens.policy.timeout, Duration::from_millis(250));
    assert!(tokens.policy.debug);
    let [owners] = &config.authorization[..] else {
        panic!("one authorizer")
    };
    assert_eq!(owners.on_failure, authz::OnFailure::Deny);
    let settings = owners.policy.settings.as_ref().expect("settings");
    assert_eq!(settings.get(), r#"{"a":[1,2.5,"yes-text"]}"#);
    let [labels] = &config.admission[..] else {
        panic!("one admission policy")
    };
    assert!(labels.mutating && labels.rules.len() == 1);
    assert_eq!(labels.policy.dialect, Some(Dialect::Wasi));
    assert_eq!(labels.policy.limits.memory.to_string(), "32Mi");
    assert_eq!(labels.policy.limits.stderr.to_string(), "4Ki");
    assert_eq!(config.engine.concurrent_calls.get(), 3);
    assert_eq!(config.engine.waiting_calls, 5);
    assert_eq!(config.policies().count(), 3);
}

#[test]
fn module_paths_are_relative_to_the_file() {
    let config =
        configuration("authorization: {modules: [{module: sub/m.wasm}, {module: /abs/n.wasm}]}")
            .unwrap();
    let [relative, absolute] = &config.authorization[..] else {
        panic!("two")
    };
    assert!(relative.policy.module.ends_with("sub/m.wasm") && relative.policy.module.is_absolute());
    assert_eq!(absolute.policy.module, Path::new("/abs/n.wasm"));
}

#[test]
fn an_unknown_field_is_told_with_its_place_and_the_nearest_known_one() {
    says(
        admitter("    mutatin: true\n"),
        "DIR/config.yaml:6:5: admission.modules[0].mutatin: unknown field `mutatin` (did you mean `mutating`?)",
    );
}

#[test]
fn an_unknown_field_like_no_other_is_told_with_the_known_ones() {
    let error = configuration("zzz: 1\n").unwrap_err();
    assert!(
        error.starts_with("DIR/config.yaml:3:1: zzz: unknown field `zzz` (known are `"),
        "{error}"
    );
}

#[test]
fn wrong_types_are_told_with_line_and_field() {
    let error = admitter("    mutating: maybe\n").unwrap_err();
    assert!(
        error.starts_with("DIR/config.yaml:6:15: admission.modules[0].mutating: "),
        "{error}"
    );
}

#[test]
fn unknown_values_are_told_with_the_nearest_known_one() {
    says(
        admitter("    failurePolicy: Ignored\n"),
        "DIR/config.yaml:6:20: admission.modules[0].failurePolicy: unknown value `Ignored` (did you mean `Ignore`?)",
    );
}

#[test]
fn a_missing_module_is_told() {
    let error = configuration("authorization:\n  modules:\n  - name: x\n").unwrap_err();
    assert!(
        error.contains("authorization.modules[0]: the field `module` is missing"),
        "{error}"
    );
}

#[test]
fn every_bad_value_of_every_policy_is_told_at_once() {
    says(
        configuration(
            "authorization:
  modules:
  - {module: a.wasm, timeout: 5}
  - {module: b.wasm, timeout: 31s}
  - {module: c.wasm, name: 'a b'}
",
        ),
        "DIR/config.yaml:5:31: authorization.modules[0].timeout: `5` is no duration: expected a number and a unit, as in `250ms` or `2s`
DIR/config.yaml:6:31: authorization.modules[1].timeout: is 31s, at most 30s make sense: the API server waits no longer
DIR/config.yaml:7:28: authorization.modules[2].name: policy name `a b` has the character ` `: use letters, digits, `.`, `_` and `-`",
    );
}

#[test]
fn a_memory_limit_above_the_engines_is_refused() {
    says(
        configuration(
            "engine: {memoryMax: 64Mi}\nauthorization:\n  modules:\n  - {module: a.wasm, limits: {memory: 65Mi}}\n",
        ),
        "DIR/config.yaml:6:39: authorization.modules[0].limits.memory: is 65Mi, more than `engine.memoryMax` (64Mi)",
    );
}

#[test]
fn what_is_for_kubewarden_policies_is_refused_of_our_own_modules() {
    says(
        configuration(
            "admission:\n  modules:\n  - {module: a.wasm, type: wasi, executionMode: opa}\n",
        ),
        "DIR/config.yaml:5:14: admission.modules[0].executionMode: is for Kubewarden policies, but the policy says `type: wasi`",
    );
}

#[test]
fn duplicate_names_are_told_with_both_places() {
    says(
        configuration(
            "authorization:\n  modules:\n  - {name: x, module: a.wasm}\n  - {name: x, module: b.wasm}\n",
        ),
        "DIR/config.yaml:6:23: authorization.modules: the name `x` is taken by the policy at DIR/config.yaml:5:23 (give one of them another `name`)",
    );
}

#[test]
fn bad_rules_are_told_with_their_place() {
    let error = admitter("    rules:\n    - {operations: [CREATE, '*'], apiGroups: [''], apiVersions: [v1], resources: [pods]}\n").unwrap_err();
    assert!(
        error.starts_with("DIR/config.yaml:7:20: admission.modules[0].rules[0]: "),
        "{error}"
    );
}

#[test]
fn zero_concurrent_calls_are_refused() {
    let error = configuration("engine: {concurrentCalls: 0}\n").unwrap_err();
    assert!(
        error.contains("engine.concurrentCalls: must be at least 1"),
        "{error}"
    );
}

#[test]
fn the_wrong_kind_of_file_is_told_with_the_flag_that_reads_it() {
    let list = load(Format::Configuration, "modules:\n- module: a.wasm\n").unwrap_err();
    assert!(
        list.contains("`--authentication-wasm-config-file`"),
        "{list}"
    );
    let admission = load(
        Format::Configuration,
        "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins: []\n",
    )
    .unwrap_err();
    assert!(
        admission.contains("`--admission-control-config-file`"),
        "{admission}"
    );
}

#[test]
fn missing_and_empty_files_and_directories_are_told() {
    let missing =
        Configuration::load(&[Source::file(Format::Configuration, "/nowhere/c.yaml")]).unwrap_err();
    assert!(
        missing
            .to_string()
            .starts_with("/nowhere/c.yaml: cannot be read: "),
        "{missing}"
    );
    let directory = Configuration::load(&[Source::file(Format::Configuration, "/")]).unwrap_err();
    assert_eq!(
        directory.to_string(),
        "/: is a directory, not a configuration file"
    );
    assert!(load(Format::Configuration, "").is_err());
    assert!(load(Format::Configuration, "\u{0}").is_err());
}

#[test]
fn reads_the_original_lists_of_modules() {
    let text = "modules:\n- name: magic\n  module: /etc/kubernetes/wasm/magic.wasm\n  settings: {a: 1}\n  debug: true\n";
    assert_eq!(
        load(Format::Authentication, text)
            .expect("authenticators")
            .authentication
            .len(),
        1
    );
    assert_eq!(
        load(Format::Authorization, text)
            .expect("authorizers")
            .authorization
            .len(),
        1
    );
}

const PLUGIN: &str = "modules:
    - {name: v, module: v.wasm, rules: [{operations: [CREATE], apiGroups: [''], apiVersions: [v1], resources: [configmaps]}]}
    - {name: m, module: m.wasm, mutating: true, type: wasi}
";

#[test]
fn reads_the_original_admission_configuration_inline_beside_other_plugins() {
    let text = format!(
        "apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: PodSecurity
  configuration: {{apiVersion: x/v1, kind: PodSecurityConfiguration, defaults: {{enforce: baseline}}}}
- name: WASM
  configuration:
    {PLUGIN}
- name: EventRateLimit
  path: eventconfig.yaml
"
    );
    let config = load(Format::Admission, &text).expect("a configuration");
    let names: Vec<&str> = config
        .admission
        .iter()
        .map(|entry| entry.policy.name.as_str())
        .collect();
    assert_eq!(names, ["v", "m"]);
}

#[test]
fn a_mistake_in_an_inline_plugin_keeps_its_place() {
    let text = "kind: AdmissionConfiguration\nplugins:\n- name: WASM\n  configuration:\n    modules:\n    - modul: a.wasm\n";
    says(
        load(Format::Admission, text),
        "DIR/config.yaml:6:7: plugins[0].configuration.modules[0].modul: unknown field `modul` (did you mean `module`?)",
    );
}

#[test]
fn reads_the_original_admission_configuration_by_path() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("wasm.conf"), PLUGIN.replace("\n    ", "\n")).expect("a file");
    let path = dir.path().join("admission.conf");
    let text = "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n- name: WASM\n  path: wasm.conf\n";
    std::fs::write(&path, text).expect("a file");
    let config =
        Configuration::load(&[Source::file(Format::Admission, path)]).expect("a configuration");
    assert_eq!(config.admission.len(), 2);
    assert!(config.admission[0].policy.module.starts_with(dir.path()));
}

#[test]
fn an_admission_configuration_without_our_plugin_is_told() {
    let text = "kind: AdmissionConfiguration\nplugins:\n- name: Other\n";
    says(
        load(Format::Admission, text),
        "DIR/config.yaml: plugins: has no plugin `WASM` (add an entry with `name: WASM`)",
    );
}

#[test]
fn several_files_add_up_and_all_their_mistakes_are_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    };
    let authn = write("authn", "modules: [{module: a.wasm}]");
    let authz = write("authz", "modules: [{module: b.wasm}]");
    let sources = [
        Source::file(Format::Authentication, authn),
        Source::file(Format::Authorization, authz),
    ];
    assert_eq!(
        Configuration::load(&sources)
            .expect("both")
            .policies()
            .count(),
        2
    );
    let bad = [
        Source::file(Format::Authentication, write("bad1", "module: []")),
        Source::file(Format::Authorization, write("bad2", "modules: 1")),
    ];
    assert_eq!(Configuration::load(&bad).unwrap_err().0.len(), 2);
}
