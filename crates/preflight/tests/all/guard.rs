//! Policy sets that the lock-out guard accepts and rejects, and its messages.

use std::fs;

use capabilities::Capabilities;
use config::{EssentialOperation, Format, Source};
use host::live::{LiveError, LiveOptions};
use host::{FileModules, Live, Reload};
use preflight::{LockOutGuard, LockedOut};
use tempfile::TempDir;

const ALLOWED: &str = r#"{"response":{"status":{"allowed":true}}}"#;
const ACCEPTED: &str = r#"{"response":{"response":{"allowed":true}}}"#;
const NO_OPINION: &str = r#"{"response":{"status":{"allowed":false}}}"#;
const DENIED: &str = r#"{"response":{"status":{"denied":true,"reason":"not today"}}}"#;
const REJECTED: &str =
    r#"{"response":{"response":{"allowed":false,"status":{"message":"not like this"}}}}"#;
const EVERYTHING: &str =
    "rules: [{operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*']}]";

/// Returns a module that always writes `output`.
fn responding(entry_point: &str, output: &str) -> String {
    let (length, data) = (output.len(), output.escape_default());
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 16) "{data}")
            (func (export "{entry_point}")
                (i32.store (i32.const 0) (i32.const 16))
                (i32.store (i32.const 4) (i32.const {length}))
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#
    )
}

/// A folder with a module for each verdict.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for (name, entry_point, output) in [
            ("allows", "authz", ALLOWED),
            ("silent", "authz", NO_OPINION),
            ("denies", "authz", DENIED),
            ("accepts", "validate", ACCEPTED),
            ("rejects", "validate", REJECTED),
        ] {
            place.write_module(name, &responding(entry_point, output));
        }
        let traps = r#"(module (memory (export "memory") 1)
            (func (export "authz") unreachable) (func (export "validate") unreachable))"#;
        place.write_module("traps", traps);
        place
    }

    fn write_module(&self, name: &str, text: &str) {
        let module = wat::parse_str(text).unwrap();
        fs::write(self.0.path().join(format!("{name}.wasm")), module).unwrap();
    }

    fn configure(&self, body: &str) {
        let text = format!("apiVersion: k8s-wasm/v1alpha1\nkind: Configuration\n{body}\n");
        fs::write(self.0.path().join("config.yaml"), text).unwrap();
    }

    fn open(&self, body: &str) -> Result<Live, LockedOut> {
        self.configure(body);
        self.open_as(Format::Configuration)
    }

    fn open_as(&self, format: Format) -> Result<Live, LockedOut> {
        let live = Live::open(LiveOptions {
            sources: vec![Source::file(format, self.0.path().join("config.yaml"))],
            modules: Box::new(FileModules),
            capabilities: Capabilities::none(),
            code_cache: None,
            gate: Box::new(LockOutGuard),
        });
        live.map_err(|error| match &error {
            LiveError::Gate(gate) => gate.downcast_ref::<LockedOut>().unwrap().clone(),
            other => panic!("does not load: {other}"),
        })
    }
}

fn authorizer(fields: &str) -> String {
    format!("authorization: {{modules: [{{name: p, {fields}}}]}}")
}

fn validator(fields: &str) -> String {
    format!("admission: {{modules: [{{name: p, {fields}, {EVERYTHING}}}]}}")
}

/// Returns the names of the blocked operations, each once.
fn blocked(result: Result<Live, LockedOut>) -> Vec<&'static str> {
    let locked_out = result.unwrap_err();
    let mut names: Vec<_> = locked_out
        .iter()
        .map(|blocked| blocked.operation.name)
        .collect();
    names.dedup();
    names
}

#[test]
fn accepts_policies_that_block_nothing() {
    let place = Place::new();
    for authorizer in ["allows", "silent"] {
        let body = format!(
            "authorization: {{modules: [{{module: {authorizer}.wasm}}]}}\n\
             admission: {{modules: [{{module: accepts.wasm, {EVERYTHING}}}]}}"
        );
        assert!(place.open(&body).is_ok(), "{authorizer}");
    }
}

#[test]
fn reports_every_operation_that_an_authorizer_denies() {
    let locked_out = Place::new()
        .open(&authorizer("module: denies.wasm"))
        .unwrap_err();
    let all: Vec<_> = EssentialOperation::all().iter().collect();
    let blocked: Vec<_> = locked_out
        .iter()
        .map(|blocked| &blocked.operation)
        .collect();
    assert_eq!(blocked, all);
    assert_eq!(
        locked_out.iter().next().unwrap().to_string(),
        "`kubelet-lease`: get leases worker-1 in kube-node-lease by system:node:worker-1 (and 3 more): \
         denied by policy `p`: not today"
    );
}

#[test]
fn a_failure_blocks_unless_another_authorizer_decides() {
    let place = Place::new();
    for failure_policy in ["NoOpinion", "Deny"] {
        let fields = format!("module: traps.wasm, failurePolicy: {failure_policy}");
        let blocked = blocked(place.open(&authorizer(&fields)));
        assert!(blocked.contains(&"scheduler-binding"), "{failure_policy}");
    }
    let two = "authorization: {modules: [{module: traps.wasm}, {module: allows.wasm}]}";
    assert!(place.open(two).is_ok());
}

#[test]
fn rejects_a_validating_policy_that_rejects_or_fails_on_everything() {
    let place = Place::new();
    let blocked = blocked(place.open(&validator("module: rejects.wasm")));
    assert!(blocked.contains(&"webhook-configurations") && blocked.contains(&"replicaset-pods"));
    assert!(!blocked.contains(&"coredns"), "CoreDNS writes no objects");
    let locked_out = place.open(&validator("module: traps.wasm")).unwrap_err();
    let problem = &locked_out.iter().next().unwrap().problem;
    assert!(
        problem.starts_with("policy `p` failed: the module trapped"),
        "{problem}"
    );
}

#[test]
fn ignored_failures_and_monitored_policies_block_nothing() {
    let place = Place::new();
    for body in [
        validator("module: traps.wasm, failurePolicy: Ignore"),
        validator("module: rejects.wasm, policyMode: monitor"),
        authorizer("module: denies.wasm, policyMode: monitor"),
        authorizer("module: traps.wasm, failurePolicy: Deny, policyMode: monitor"),
    ] {
        assert!(place.open(&body).is_ok(), "{body}");
    }
}

#[test]
fn policies_evaluate_only_requests_that_match_their_rules() {
    let body = "admission: {modules: [{module: rejects.wasm, rules: [{operations: [CREATE], apiGroups: [''], \
                apiVersions: [v1], resources: [configmaps]}]}]}";
    assert!(Place::new().open(body).is_ok());
}

#[test]
fn exempt_operations_may_be_blocked_in_every_format() {
    let place = Place::new();
    let denies = authorizer("module: denies.wasm");
    let some = format!("{denies}\nlockOutGuard: {{exempt: [kubelet-lease, coredns]}}");
    let blocked = blocked(place.open(&some));
    assert!(!blocked.contains(&"kubelet-lease") && blocked.contains(&"kube-proxy"));
    assert!(
        place
            .open(&format!("{denies}\nlockOutGuard: {{exempt: [all]}}"))
            .is_ok()
    );

    let list = |module| {
        format!("modules: [{{module: {module}.wasm, FIELDS}}]\nlockOutGuard: {{exempt: [all]}}\n")
    };
    for (format, text) in [
        (
            Format::Authorization,
            list("denies").replace("FIELDS", "timeout: 1s"),
        ),
        (
            Format::AdmissionPlugin,
            list("rejects").replace("FIELDS", EVERYTHING),
        ),
    ] {
        fs::write(place.0.path().join("config.yaml"), text).unwrap();
        assert!(place.open_as(format).is_ok());
    }
}

#[test]
fn skips_kubewarden_policies_that_may_make_host_calls() {
    let place = Place::new();
    let text = r#"(module
        (import "wapc" "__guest_response" (func $answer (param i32 i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "{\22valid\22:true}") (data (i32.const 64) "{\22accepted\22:false}")
        (func (export "__guest_call") (param $operation i32) (param i32) (result i32)
            (if (i32.eq (local.get $operation) (i32.const 8))
                (then (call $answer (i32.const 64) (i32.const 18)))
                (else (call $answer (i32.const 0) (i32.const 14))))
            i32.const 1))"#;
    place.write_module("guest", text);
    assert!(place.open(&validator("module: guest.wasm")).is_err());
    for granted in [
        "hostCapabilities: ['kubernetes/*']",
        "contextAwareResources: [{apiVersion: v1, kind: Namespace}]",
    ] {
        let fields = format!("module: guest.wasm, {granted}");
        assert!(place.open(&validator(&fields)).is_ok(), "{granted}");
    }
    // Policies of a `policies.yml` are skipped too: their rules are in webhook configurations.
    fs::write(
        place.0.path().join("config.yaml"),
        "p: {module: guest.wasm}",
    )
    .unwrap();
    assert!(place.open_as(Format::Policies { store: None }).is_ok());
}

#[test]
fn a_reload_that_would_lock_the_cluster_out_keeps_the_previous_policies() {
    let place = Place::new();
    let live = place.open(&authorizer("module: silent.wasm")).unwrap();
    let before = live.current();
    place.configure(&authorizer("module: denies.wasm"));
    let error = live.reload().unwrap_err().to_string();
    assert!(error.starts_with("the policies would lock the cluster out\n`kubelet-lease`: "));
    assert!(error.contains(
        "to allow this deliberately, configure `lockOutGuard: {exempt: [kubelet-lease, "
    ));
    assert!(std::sync::Arc::ptr_eq(&before, &live.current()));
    assert_eq!(live.reload().unwrap(), Reload::Unchanged);
}
