//! A policy set that follows its files: changes, and changed files that do not load.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use access::Plane;
use access::rules::{Target, operation};
use capabilities::Capabilities;
use host::config::{Format, Source};
use host::live::{Gate, GateError, LiveOptions};
use host::{Configuration, EvaluationRequest, FileModules, Host, Live, Reload, Verdict};
use tempfile::TempDir;

use crate::loading::{ACCEPTED, ACCESS, ALLOWED, NO_OPINION, answering};

/// A folder with a configuration of one authorizer.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.write_module("a.wasm", ALLOWED);
        files.configure("authorization: {modules: [{name: p, module: a.wasm}]}");
        files
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.0.path().join(name), bytes).unwrap();
    }

    fn write_module(&self, name: &str, answer: &str) {
        let text = answering(&["authz"], answer);
        self.write(name, wat::parse_str(text).unwrap());
    }

    fn configure(&self, body: &str) {
        self.write(
            "config.yaml",
            format!("apiVersion: k8s-wasm/v1alpha1\nkind: Configuration\n{body}\n"),
        );
    }

    fn open(&self) -> Live {
        open(Source::file(
            Format::Configuration,
            self.0.path().join("config.yaml"),
        ))
    }
}

/// A gate that every policy set passes.
struct Open;

impl Gate for Open {
    fn check(&self, _: &Configuration, _: &Host) -> Result<(), GateError> {
        Ok(())
    }
}

fn open(source: Source) -> Live {
    Live::open(LiveOptions {
        sources: vec![source],
        modules: Box::new(FileModules),
        capabilities: Capabilities::none(),
        code_cache: None,
        gate: Box::new(Open),
    })
    .unwrap()
}

fn verdict(host: &Host) -> Verdict {
    let request = EvaluationRequest {
        plane: Plane::Authorization,
        policy: None,
        review: ACCESS.as_bytes(),
        already_evaluated: &[],
        deadline: Instant::now() + Duration::from_secs(30),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let evaluation = runtime.block_on(host.evaluate(request)).unwrap();
    evaluation.verdict()
}

fn reload(live: &Live) -> Result<Reload, String> {
    live.reload().map_err(|error| error.to_string())
}

#[test]
fn unchanged_files_are_not_loaded_again() {
    let files = Files::new();
    let live = files.open();
    let before = live.current();
    assert_eq!(reload(&live), Ok(Reload::Unchanged));
    assert!(Arc::ptr_eq(&before, &live.current()));
}

#[test]
fn reloads_changed_modules_and_configurations() {
    let files = Files::new();
    let live = files.open();
    let before = live.current();
    assert_eq!(verdict(&before), Verdict::Allowed);

    files.write_module("a.wasm", NO_OPINION);
    assert_eq!(reload(&live), Ok(Reload::Changed));
    assert_eq!(verdict(&live.current()), Verdict::NoOpinion);
    assert_eq!(
        verdict(&before),
        Verdict::Allowed,
        "the previous host stays usable"
    );

    files.write_module("b.wasm", ALLOWED);
    files.configure("authorization: {modules: [{name: p, module: b.wasm}]}");
    assert_eq!(reload(&live), Ok(Reload::Changed));
    assert_eq!(verdict(&live.current()), Verdict::Allowed);
    assert_eq!(reload(&live), Ok(Reload::Unchanged));
}

#[test]
fn reports_a_bad_change_once_and_keeps_the_previous_policies() {
    let files = Files::new();
    let live = files.open();
    files.configure("authorization: {modules: [{name: p, module: later.wasm}]}");
    let error = reload(&live).unwrap_err();
    assert!(error.contains("later.wasm"), "{error}");
    assert_eq!(verdict(&live.current()), Verdict::Allowed);
    assert_eq!(reload(&live), Ok(Reload::Unchanged), "reported before");

    files.write_module("later.wasm", NO_OPINION);
    assert_eq!(
        reload(&live),
        Ok(Reload::Changed),
        "the missing file was created"
    );
    assert_eq!(verdict(&live.current()), Verdict::NoOpinion);

    files.configure("authorization: nonsense");
    reload(&live).unwrap_err();
    files.configure("engine: {maxMemory: 5Gi}");
    reload(&live).unwrap_err();
    assert_eq!(verdict(&live.current()), Verdict::NoOpinion);
}

#[test]
fn follows_a_file_that_an_admission_configuration_names() {
    let files = Files::new();
    files.write("plugin.yaml", "modules: []");
    let text = "kind: AdmissionConfiguration\nplugins: [{name: WASM, path: plugin.yaml}]";
    let path = files.0.path().join("not-a-file.yaml");
    let live = open(Source::text(Format::Admission, path, text.into()));
    assert_eq!(reload(&live), Ok(Reload::Unchanged));
    files.write("plugin.yaml", "modules: [] # changed");
    assert_eq!(reload(&live), Ok(Reload::Changed));
}

#[test]
fn follows_a_mounted_config_map_through_its_symbolic_links() {
    let files = Files::new();
    let folder = files.0.path();
    for (version, answer) in [("v1", ALLOWED), ("v2", NO_OPINION)] {
        fs::create_dir(folder.join(version)).unwrap();
        files.write_module(&format!("{version}/a.wasm"), answer);
    }
    let link = |from: &str, to: &Path| symlink(from, to).unwrap();
    link("v1", &folder.join("..data"));
    link("..data/a.wasm", &folder.join("mounted.wasm"));
    files.write("list.yaml", "modules: [{name: p, module: mounted.wasm}]");
    let live = open(Source::file(
        Format::Authorization,
        folder.join("list.yaml"),
    ));
    assert_eq!(verdict(&live.current()), Verdict::Allowed);

    link("v2", &folder.join("..new"));
    fs::rename(folder.join("..new"), folder.join("..data")).unwrap();
    assert_eq!(reload(&live), Ok(Reload::Changed));
    assert_eq!(verdict(&live.current()), Verdict::NoOpinion);
}

#[test]
fn has_policy_for_depends_on_plane_and_rules() {
    let files = Files::new();
    let validate = wat::parse_str(answering(&["validate"], ACCEPTED)).unwrap();
    files.write("v.wasm", validate);
    files.configure(
        "authorization: {modules: [{module: a.wasm}]}
admission:
  modules:
  - {name: none, module: v.wasm}
  - {name: some, module: v.wasm, rules: [{operations: [CREATE], apiGroups: [''], apiVersions: [v1], resources: [pods]}]}",
    );
    let host = files.open().current();
    let target = |resource| Target {
        operation: operation("CREATE").unwrap(),
        group: "",
        version: "v1",
        resource,
        subresource: "",
        has_namespace: true,
    };
    assert!(host.has_policy_for(Plane::Validation, Some(&target("pods"))));
    assert!(host.has_policy_for(Plane::Validation, None));
    assert!(!host.has_policy_for(Plane::Validation, Some(&target("secrets"))));
    assert!(!host.has_policy_for(Plane::Mutation, None));
    assert!(host.has_policy_for(Plane::Authorization, Some(&target("secrets"))));
    assert!(!host.has_policy_for(Plane::Authentication, None));
}
