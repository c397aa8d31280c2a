//! Fields, defaults, and the error for each mistake.

use std::path::Path;
use std::time::Duration;

use access::{admission, authn, authz};
use config::{AdmissionPolicy, Configuration, Format, Program, Protocol, Source};

/// Loads a file with this text from a temporary folder, which errors show as `DIR`.
pub(crate) fn load(format: Format, text: &str) -> Result<Configuration, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.yaml");
    std::fs::write(&path, text).unwrap();
    let shown = dir.path().display().to_string();
    Configuration::load(&[Source::file(format, path)])
        .map_err(|error| error.to_string().replace(&shown, "DIR"))
}

/// Loads a configuration with this body after the header, which has two lines.
pub(crate) fn configuration(body: &str) -> Result<Configuration, String> {
    load(
        Format::Configuration,
        &format!("apiVersion: k8s-wasm/v1alpha1\nkind: Configuration\n{body}"),
    )
}

fn admission_policy(fields: &str) -> Result<AdmissionPolicy, String> {
    let body = format!("admission:\n  modules:\n  - module: m.wasm\n{fields}");
    configuration(&body).map(|mut config| config.admission.remove(0))
}

#[track_caller]
pub(crate) fn fails_with(result: Result<impl std::fmt::Debug, String>, expected: &str) {
    assert_eq!(result.unwrap_err(), expected);
}

#[test]
fn defaults_are_as_documented() {
    let entry = admission_policy("").unwrap();
    assert_eq!(entry.policy.name.as_str(), "m.wasm");
    assert_eq!(entry.policy.timeout, Duration::from_secs(1));
    assert_eq!(entry.policy.limits, engine::Limits::default());
    assert!(entry.policy.settings.is_none() && !entry.policy.debug);
    let Program::Module(module) = &entry.program else {
        panic!("one module")
    };
    assert_eq!(module.protocol, None);
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
engine: {maxConcurrentCalls: 3, maxQueuedCalls: 5, maxMemory: 128Mi}
",
    )
    .unwrap();
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
    let settings = owners.policy.settings.as_ref().unwrap();
    assert_eq!(settings.get(), r#"{"a":[1,2.5,"yes-text"]}"#);
    let [labels] = &config.admission[..] else {
        panic!("one admission policy")
    };
    assert!(labels.mutating && labels.rules.len() == 1);
    let Program::Module(module) = &labels.program else {
        panic!("one module")
    };
    assert_eq!(module.protocol, Some(Protocol::Wasi));
    assert_eq!(labels.policy.limits.memory.to_string(), "32Mi");
    assert_eq!(labels.policy.limits.stderr.to_string(), "4Ki");
    assert_eq!(config.engine.max_concurrent_calls.get(), 3);
    assert_eq!(config.engine.max_queued_calls, 5);
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
    assert!(relative.module.ends_with("sub/m.wasm") && relative.module.is_absolute());
    assert_eq!(absolute.module, Path::new("/abs/n.wasm"));
}

#[test]
fn unknown_fields_are_reported_with_position_and_nearest_known_field() {
    fails_with(
        admission_policy("    mutatin: true\n"),
        "DIR/config.yaml:6:5: admission.modules[0].mutatin: unknown field `mutatin` (did you mean `mutating`?)",
    );
}

#[test]
fn unknown_fields_without_a_similar_one_are_reported_with_the_known_fields() {
    let error = configuration("zzz: 1\n").unwrap_err();
    assert!(
        error.starts_with("DIR/config.yaml:3:1: zzz: unknown field `zzz` (expected one of `"),
        "{error}"
    );
}

#[test]
fn wrong_types_are_reported_with_line_and_field() {
    let error = admission_policy("    mutating: maybe\n").unwrap_err();
    assert!(
        error.starts_with("DIR/config.yaml:6:15: admission.modules[0].mutating: "),
        "{error}"
    );
}

#[test]
fn unknown_values_are_reported_with_the_nearest_known_value() {
    fails_with(
        admission_policy("    failurePolicy: Ignored\n"),
        "DIR/config.yaml:6:20: admission.modules[0].failurePolicy: unknown value `Ignored` (did you mean `Ignore`?)",
    );
}

#[test]
fn a_missing_module_is_reported() {
    let error = configuration("authorization:\n  modules:\n  - name: x\n").unwrap_err();
    assert!(
        error.contains("authorization.modules[0]: the field `module` is missing"),
        "{error}"
    );
}

#[test]
fn all_bad_values_of_all_policies_are_reported_at_once() {
    fails_with(
        configuration(
            "authorization:
  modules:
  - {module: a.wasm, timeout: 5}
  - {module: b.wasm, timeout: 31s}
  - {module: c.wasm, name: 'a b'}
",
        ),
        "DIR/config.yaml:5:31: authorization.modules[0].timeout: `5` is not a duration: expected numbers with units, such as `250ms`, `2s` or `1m30s`
DIR/config.yaml:6:31: authorization.modules[1].timeout: is 31s, more than the 30s that kube-apiserver waits at most
DIR/config.yaml:7:28: authorization.modules[2].name: policy name `a b` contains ` `: use letters, digits, `.`, `_` and `-`",
    );
}

#[test]
fn rejects_a_memory_limit_above_the_maximum_of_the_engine() {
    fails_with(
        configuration(
            "engine: {maxMemory: 64Mi}\nauthorization:\n  modules:\n  - {module: a.wasm, limits: {memory: 65Mi}}\n",
        ),
        "DIR/config.yaml:6:39: authorization.modules[0].limits.memory: is 65Mi, more than `engine.maxMemory` (64Mi)",
    );
}

#[test]
fn rejects_kubewarden_fields_on_wasi_modules() {
    fails_with(
        configuration(
            "admission:\n  modules:\n  - {module: a.wasm, type: wasi, executionMode: opa}\n",
        ),
        "DIR/config.yaml:5:14: admission.modules[0].executionMode: is for Kubewarden policies, but the policy has `type: wasi`",
    );
}

#[test]
fn duplicate_names_are_reported_with_both_positions() {
    fails_with(
        configuration(
            "authorization:\n  modules:\n  - {name: x, module: a.wasm}\n  - {name: x, module: b.wasm}\n",
        ),
        "DIR/config.yaml:6:23: authorization.modules: the policy at DIR/config.yaml:5:23 has the same name, `x` (give one of them another `name`)",
    );
}

#[test]
fn bad_rules_are_reported_with_their_position() {
    let error = admission_policy("    rules:\n    - {operations: [CREATE, '*'], apiGroups: [''], apiVersions: [v1], resources: [pods]}\n").unwrap_err();
    assert!(
        error.starts_with("DIR/config.yaml:7:20: admission.modules[0].rules[0]: "),
        "{error}"
    );
}

#[test]
fn rejects_zero_concurrent_calls() {
    let error = configuration("engine: {maxConcurrentCalls: 0}\n").unwrap_err();
    assert!(
        error.contains("engine.maxConcurrentCalls: must be at least 1"),
        "{error}"
    );
}

#[test]
fn the_wrong_kind_of_file_is_reported_with_the_flag_that_reads_it() {
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
fn missing_and_empty_files_and_directories_are_reported() {
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
            .unwrap()
            .authentication
            .len(),
        1
    );
    assert_eq!(
        load(Format::Authorization, text)
            .unwrap()
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
    let config = load(Format::Admission, &text).unwrap();
    let names: Vec<&str> = config
        .admission
        .iter()
        .map(|entry| entry.policy.name.as_str())
        .collect();
    assert_eq!(names, ["v", "m"]);
}

#[test]
fn errors_in_an_inline_plugin_keep_their_position() {
    let text = "kind: AdmissionConfiguration\nplugins:\n- name: WASM\n  configuration:\n    modules:\n    - modul: a.wasm\n";
    fails_with(
        load(Format::Admission, text),
        "DIR/config.yaml:6:7: plugins[0].configuration.modules[0].modul: unknown field `modul` (did you mean `module`?)",
    );
}

#[test]
fn reads_the_original_admission_configuration_by_path() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("wasm.conf"), PLUGIN.replace("\n    ", "\n")).unwrap();
    let path = dir.path().join("admission.conf");
    let text = "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n- name: WASM\n  path: wasm.conf\n";
    std::fs::write(&path, text).unwrap();
    let config = Configuration::load(&[Source::file(Format::Admission, path)]).unwrap();
    assert_eq!(config.admission.len(), 2);
    assert!(
        config
            .modules()
            .all(|(_, _, path)| path.starts_with(dir.path()))
    );
}

#[test]
fn an_admission_configuration_without_the_plugin_is_reported() {
    let text = "kind: AdmissionConfiguration\nplugins:\n- name: Other\n";
    fails_with(
        load(Format::Admission, text),
        "DIR/config.yaml: plugins: has no plugin `WASM` (add an entry with `name: WASM`)",
    );
}

#[test]
fn files_are_merged_and_all_their_errors_are_reported() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let authn = write("authn", "modules: [{module: a.wasm}]");
    let authz = write("authz", "modules: [{module: b.wasm}]");
    let sources = [
        Source::file(Format::Authentication, authn),
        Source::file(Format::Authorization, authz),
    ];
    assert_eq!(Configuration::load(&sources).unwrap().policies().count(), 2);
    let bad = [
        Source::file(Format::Authentication, write("bad1", "module: []")),
        Source::file(Format::Authorization, write("bad2", "modules: 1")),
    ];
    assert_eq!(Configuration::load(&bad).unwrap_err().iter().count(), 2);
}

#[test]
fn fields_of_earlier_versions_are_reported_with_their_present_name() {
    for (old, new) in [
        ("memoryMax: 1Gi", "maxMemory"),
        ("concurrentCalls: 3", "maxConcurrentCalls"),
        ("waitingCalls: 3", "maxQueuedCalls"),
    ] {
        let error = configuration(&format!("engine: {{{old}}}\n")).unwrap_err();
        assert!(
            error.ends_with(&format!("(did you mean `{new}`?)")),
            "{error}"
        );
    }
}

#[test]
fn errors_show_the_line_with_a_caret() {
    let text = "modules:\n- {module: a.wasm, timeout: 5}\n- {modul: b.wasm}\n";
    let load = |text: &str| {
        Configuration::load(&[Source::text(Format::Authorization, "a.yaml", text.into())])
            .unwrap_err()
    };
    let snippet = |text: &str| {
        let errors = load(text);
        let error = errors.iter().next().unwrap();
        error.snippet.as_ref().unwrap().to_string()
    };
    // The parser finds the unknown field before values are checked.
    assert_eq!(snippet(text), "  |\n3 | - {modul: b.wasm}\n  |    ^");
    assert_eq!(
        snippet(&text.replace("modul:", "module:")),
        "  |\n2 | - {module: a.wasm, timeout: 5}\n  |                             ^"
    );
}

#[test]
fn sizes_and_durations_are_written_as_in_kubernetes() {
    let config = configuration(
        "engine: {maxMemory: 1Gi}
authorization:
  modules:
  - {module: a.wasm, timeout: 0m2.5s, limits: {memory: 64M, input: 1.5Mi}}
",
    )
    .unwrap();
    let policy = &config.authorization[0].policy;
    assert_eq!(policy.timeout, Duration::from_millis(2500));
    assert_eq!(policy.limits.memory.bytes(), 64_000_000);
    assert_eq!(policy.limits.stdin.to_string(), "1536Ki");
}
