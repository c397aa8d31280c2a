//! A set of policies that follows its files: what counts as a change, and what becomes of a bad one.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use access::Plane;
use access::rules::{Target, operation};
use capabilities::Capabilities;
use host::config::{Format, Source};
use host::live::Parts;
use host::{EvaluationRequest, FileModules, Host, Live, Reload, Verdict};
use tempfile::TempDir;

use crate::loading::{ACCEPTED, ACCESS, ALLOWED, NO_OPINION, answering};

/// A folder with a configuration of one authorizer.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().expect("a folder"));
        files.write_module("a.wasm", ALLOWED);
        files.configure("authorization: {modules: [{name: p, module: a.wasm}]}");
        files
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.0.path().join(name), bytes).expect("a file");
    }

    fn write_module(&self, name: &str, answer: &str) {
        let text = answering(&["authz"], answer);
        self.write(name, wat::parse_str(text).expect("a module"));
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

fn open(source: Source) -> Live {
    Live::open(Parts {
        sources: vec![source],
        modules: Box::new(FileModules),
        capabilities: Capabilities::none(),
        code_cache: None,
    })
    .expect("a host")
}

fn verdict(host: &Host) -> Verdict {
    let question = EvaluationRequest {
        plane: Plane::Authorization,
        policy: None,
        review: ACCESS.as_bytes(),
        already_evaluated: &[],
        deadline: Instant::now() + Duration::from_secs(30),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let answered = runtime
        .block_on(host.evaluate(question))
        .expect("an answer");
    answered.verdict()
}

fn reload(live: &Live) -> Result<Reload, String> {
    live.reload().map_err(|error| error.to_string())
}

#[test]
fn files_that_stay_are_not_loaded_again() {
    let files = Files::new();
    let live = files.open();
    let before = live.current();
    assert_eq!(reload(&live), Ok(Reload::Unchanged));
    assert!(Arc::ptr_eq(&before, &live.current()));
}

#[test]
fn another_module_and_another_configuration_are_changes() {
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
        "who has the old keeps it"
    );

    files.write_module("b.wasm", ALLOWED);
    files.configure("authorization: {modules: [{name: p, module: b.wasm}]}");
    assert_eq!(reload(&live), Ok(Reload::Changed));
    assert_eq!(verdict(&live.current()), Verdict::Allowed);
    assert_eq!(reload(&live), Ok(Reload::Unchanged));
}

#[test]
fn a_bad_change_is_told_once_and_the_last_good_set_goes_on() {
    let files = Files::new();
    let live = files.open();
    files.configure("authorization: {modules: [{name: p, module: later.wasm}]}");
    let error = reload(&live).expect_err("the module is missing");
    assert!(error.contains("later.wasm"), "{error}");
    assert_eq!(verdict(&live.current()), Verdict::Allowed);
    assert_eq!(reload(&live), Ok(Reload::Unchanged), "it was told already");

    files.write_module("later.wasm", NO_OPINION);
    assert_eq!(
        reload(&live),
        Ok(Reload::Changed),
        "what was missing has come"
    );
    assert_eq!(verdict(&live.current()), Verdict::NoOpinion);

    files.configure("authorization: nonsense");
    reload(&live).expect_err("not valid");
    files.configure("engine: {memoryMax: 5Gi}");
    reload(&live).expect_err("no engine has so much");
    assert_eq!(verdict(&live.current()), Verdict::NoOpinion);
}

#[test]
fn a_file_that_an_admission_configuration_names_is_followed() {
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
fn a_mounted_config_map_is_followed_through_its_links() {
    let files = Files::new();
    let folder = files.0.path();
    for (version, answer) in [("v1", ALLOWED), ("v2", NO_OPINION)] {
        fs::create_dir(folder.join(version)).expect("a folder");
        files.write_module(&format!("{version}/a.wasm"), answer);
    }
    let link = |from: &str, to: &Path| symlink(from, to).expect("a link");
    link("v1", &folder.join("..data"));
    link("..data/a.wasm", &folder.join("mounted.wasm"));
    files.write("list.yaml", "modules: [{name: p, module: mounted.wasm}]");
    let live = open(Source::file(
        Format::Authorization,
        folder.join("list.yaml"),
    ));
    assert_eq!(verdict(&live.current()), Verdict::Allowed);

    link("v2", &folder.join("..new"));
    fs::rename(folder.join("..new"), folder.join("..data")).expect("swapped");
    assert_eq!(reload(&live), Ok(Reload::Changed));
    assert_eq!(verdict(&live.current()), Verdict::NoOpinion);
}

#[test]
fn whether_anybody_is_asked_is_told_by_plane_and_rules() {
    let files = Files::new();
    let validate = wat::parse_str(answering(&["validate"], ACCEPTED)).expect("a module");
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
        operation: operation("CREATE").expect("an operation"),
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
