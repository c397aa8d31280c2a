//! The lock-out guard: which sets of policies are served, which are not, and what an operator is told.

use std::fs;

use capabilities::Capabilities;
use host::config::{Format, Source};
use host::live::{LiveError, Parts};
use host::{FileModules, Live, LockedOut, Reload};
use tempfile::TempDir;

use crate::loading::{ACCEPTED, ALLOWED, NO_OPINION, answering};

const DENIED: &str = r#"{"response":{"status":{"denied":true,"reason":"not today"}}}"#;
const REJECTED: &str =
    r#"{"response":{"response":{"allowed":false,"status":{"message":"not like this"}}}}"#;
const EVERYTHING: &str =
    "rules: [{operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*']}]";

/// A folder with a module for everything that a policy can do to a cluster.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a folder"));
        for (name, entry_point, output) in [
            ("allows", "authz", ALLOWED),
            ("silent", "authz", NO_OPINION),
            ("denies", "authz", DENIED),
            ("accepts", "validate", ACCEPTED),
            ("rejects", "validate", REJECTED),
        ] {
            place.write_module(name, &answering(&[entry_point], output));
        }
        let traps = r#"(module (memory (export "memory") 1)
            (func (export "authz") unreachable) (func (export "validate") unreachable))"#;
        place.write_module("traps", traps);
        place
    }

    fn write_module(&self, name: &str, text: &str) {
        let module = wat::parse_str(text).expect("a module");
        fs::write(self.0.path().join(format!("{name}.wasm")), module).expect("a file");
    }

    fn configure(&self, body: &str) {
        let text = format!("apiVersion: k8s-wasm/v1alpha1\nkind: Configuration\n{body}\n");
        fs::write(self.0.path().join("config.yaml"), text).expect("a file");
    }

    fn open(&self, body: &str) -> Result<Live, LockedOut> {
        self.configure(body);
        self.open_as(Format::Configuration)
    }

    fn open_as(&self, format: Format) -> Result<Live, LockedOut> {
        let live = Live::open(Parts {
            sources: vec![Source::file(format, self.0.path().join("config.yaml"))],
            modules: Box::new(FileModules),
            capabilities: Capabilities::none(),
            code_cache: None,
        });
        live.map_err(|error| match error {
            LiveError::LockedOut(locked_out) => locked_out,
            other => panic!("it does not load: {other}"),
        })
    }
}

fn authorizer(fields: &str) -> String {
    format!("authorization: {{modules: [{{name: p, {fields}}}]}}")
}

fn validator(fields: &str) -> String {
    format!("admission: {{modules: [{{name: p, {fields}, {EVERYTHING}}}]}}")
}

/// The needs that are refused, each once.
fn needs(refused: Result<Live, LockedOut>) -> Vec<&'static str> {
    let LockedOut(refusals) = refused.expect_err("must be refused");
    let mut needs: Vec<_> = refusals.iter().map(|refusal| refusal.need).collect();
    needs.dedup();
    needs
}

#[test]
fn policies_that_leave_the_cluster_alone_are_served() {
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
fn an_authorizer_that_denies_everything_is_refused_with_all_that_it_denies() {
    let LockedOut(refusals) = Place::new()
        .open(&authorizer("module: denies.wasm"))
        .expect_err("must be refused");
    let all: Vec<_> = host::lockout::needs().map(|need| need.name).collect();
    let refused: Vec<_> = refusals.iter().map(|refusal| refusal.need).collect();
    assert_eq!(refused, all);
    assert_eq!(
        refusals[0].to_string(),
        "`kubelet-lease`: get leases worker-1 in kube-node-lease by system:node:worker-1 (and 3 more): \
         denied by policy `p`: not today"
    );
}

#[test]
fn a_failure_counts_when_nobody_makes_it_good() {
    let place = Place::new();
    for failure_policy in ["NoOpinion", "Deny"] {
        let fields = format!("module: traps.wasm, failurePolicy: {failure_policy}");
        let refused = needs(place.open(&authorizer(&fields)));
        assert!(refused.contains(&"scheduler-binding"), "{failure_policy}");
    }
    let two = "authorization: {modules: [{module: traps.wasm}, {module: allows.wasm}]}";
    assert!(place.open(two).is_ok());
}

#[test]
fn a_validating_policy_that_rejects_or_fails_on_everything_is_refused() {
    let place = Place::new();
    let refused = needs(place.open(&validator("module: rejects.wasm")));
    assert!(refused.contains(&"webhook-configurations") && refused.contains(&"replicaset-pods"));
    assert!(!refused.contains(&"coredns"), "CoreDNS stores nothing");
    let LockedOut(refusals) = place
        .open(&validator("module: traps.wasm"))
        .expect_err("must be refused");
    let problem = &refusals[0].problem;
    assert!(
        problem.starts_with("policy `p` failed: the module trapped"),
        "{problem}"
    );
}

#[test]
fn what_does_not_count_locks_nobody_out() {
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
fn a_policy_is_asked_by_its_rules_only() {
    let body = "admission: {modules: [{module: rejects.wasm, rules: [{operations: [CREATE], apiGroups: [''], \
                apiVersions: [v1], resources: [configmaps]}]}]}";
    assert!(Place::new().open(body).is_ok());
}

#[test]
fn what_is_exempt_may_be_refused_in_every_form_of_configuration() {
    let place = Place::new();
    let denies = authorizer("module: denies.wasm");
    let some = format!("{denies}\nlockOutGuard: {{exempt: [kubelet-lease, coredns]}}");
    let refused = needs(place.open(&some));
    assert!(!refused.contains(&"kubelet-lease") && refused.contains(&"kube-proxy"));
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
        fs::write(place.0.path().join("config.yaml"), text).expect("a file");
        assert!(place.open_as(format).is_ok());
    }
}

#[test]
fn policies_of_kubewarden_that_may_call_their_host_are_not_asked() {
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
    // Nor those of a `policies.yml`, which does not say what they are asked about.
    fs::write(
        place.0.path().join("config.yaml"),
        "p: {module: guest.wasm}",
    )
    .expect("a file");
    assert!(place.open_as(Format::Policies { store: None }).is_ok());
}

#[test]
fn a_change_that_would_lock_the_cluster_out_is_not_put_in_place() {
    let place = Place::new();
    let live = place
        .open(&authorizer("module: silent.wasm"))
        .expect("policies");
    let before = live.current();
    place.configure(&authorizer("module: denies.wasm"));
    let error = live.reload().expect_err("must be refused").to_string();
    assert!(error.starts_with("the policies would lock the cluster out\n`kubelet-lease`: "));
    assert!(error.contains("if that is meant, configure `lockOutGuard: {exempt: [kubelet-lease, "));
    assert!(std::sync::Arc::ptr_eq(&before, &live.current()));
    assert_eq!(live.reload().expect("told once"), Reload::Unchanged);
}
