//! The corpus, the report, and policies that are slow or hang.

use std::collections::HashSet;
use std::path::Path;

use access::Plane;
use config::{Exemptions, Format, Source};
use host::ModuleSource;
use serde_json::Value;
use wire::{admission, authorization};

use super::corpus::{Probe, Review};
use super::*;

fn all_probes() -> Vec<Probe> {
    corpus::probes(|_| true)
}

#[test]
fn every_operation_has_probes() {
    let probed: HashSet<&str> = all_probes()
        .iter()
        .map(|probe| probe.operation.name)
        .collect();
    for operation in EssentialOperation::all() {
        assert!(probed.contains(operation.name), "{}", operation.name);
    }
}

#[test]
fn probes_are_in_the_order_of_the_operations() {
    let mut probed: Vec<&str> = all_probes()
        .iter()
        .map(|probe| probe.operation.name)
        .collect();
    probed.dedup();
    let operations: Vec<&str> = EssentialOperation::all()
        .iter()
        .map(|operation| operation.name)
        .collect();
    assert_eq!(probed, operations);
}

#[test]
fn every_probe_is_a_review_that_kube_apiserver_could_send() {
    for probe in all_probes() {
        match &probe.review {
            Review::Access(spec) => {
                let body = authorization::write_request(spec);
                let review = authorization::Review::parse(&body).unwrap();
                let (resource, path) = (
                    review.spec.resource_attributes,
                    review.spec.non_resource_attributes,
                );
                assert!(resource.is_some() != path.is_some(), "{probe}");
                assert!(resource.is_none_or(|access| !access.resource.is_empty()));
            }
            Review::Write(write) => {
                let body = write.review(probe.user).unwrap();
                let request = admission::Review::parse(&body).unwrap().request;
                assert!(!request.kind.kind.is_empty() && !request.resource.version.is_empty());
                let objects = (request.object.is_some(), request.old_object.is_some());
                let expected = match request.operation {
                    admission::Operation::Create => (true, false),
                    admission::Operation::Update => (true, true),
                    admission::Operation::Delete => (false, true),
                    admission::Operation::Connect => panic!("{probe}"),
                };
                assert_eq!(objects, expected, "{probe}");
            }
        }
    }
}

#[test]
fn updates_change_the_object() {
    for probe in all_probes() {
        let Review::Write(write) = &probe.review else {
            continue;
        };
        let body = write.review(probe.user).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let request = &body["request"];
        assert_ne!(request["object"], request["oldObject"], "{probe}");
    }
}

#[test]
fn exempt_operations_are_not_probed() {
    let mut exemptions = Exemptions::default();
    exemptions.add("kubelet-lease").unwrap();
    let probes = corpus::probes(|operation| !exemptions.contains(operation.name));
    let mut operations = probes.iter().map(|probe| probe.operation.name);
    assert!(operations.all(|name| name != "kubelet-lease"));
    assert!(probes.len() < all_probes().len());
    exemptions.add("all").unwrap();
    assert!(corpus::probes(|operation| !exemptions.contains(operation.name)).is_empty());
}

#[test]
fn probes_of_one_policy_and_operation_are_merged() {
    let probes = all_probes();
    let blocked = |problem: &str| {
        let objection = report::Objection::general(Cause::Policy, problem);
        BlockedOperation::new(&probes[0], Plane::Authorization, objection)
    };
    let locked_out = LockedOut::new(vec![blocked("no"), blocked("not that either")]).unwrap();
    assert_eq!(
        locked_out.to_string(),
        "the policies would lock the cluster out\n\
         `kubelet-lease`: get leases worker-1 in kube-node-lease by system:node:worker-1 (and 1 more): no \
         (A node whose lease is not renewed is considered lost after 40 seconds, and its pods are evicted.)\n\
         to allow this deliberately, configure `lockOutGuard: {exempt: [kubelet-lease]}`"
    );
    assert!(LockedOut::new(Vec::new()).is_none());
}

#[test]
fn administrators_have_the_groups_that_kubeadm_gives_them() {
    let probes = all_probes().into_iter();
    let mut admins: Vec<_> = probes
        .filter(|probe| probe.operation.name == "webhook-configurations")
        .map(|probe| (probe.user.username.as_str(), probe.user.groups[0].as_str()))
        .collect();
    admins.dedup();
    assert_eq!(
        admins,
        [
            ("kubernetes-admin", "kubeadm:cluster-admins"),
            ("kubernetes-super-admin", "system:masters")
        ]
    );
}

/// A source in which every file is this module.
struct Text(String);

impl ModuleSource for Text {
    fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        Ok(wat::parse_str(&self.0).unwrap())
    }
}

/// Modules that loop forever.
fn hanging() -> Text {
    let hangs = "(loop (br 0))";
    Text(format!(
        r#"(module (memory (export "memory") 1) (func (export "authz") {hangs}) (func (export "validate") {hangs}))"#
    ))
}

/// Modules that count to a number and have no opinion.
fn counting_to(number: u32) -> Text {
    let response = r#"{\22response\22:{\22status\22:{\22allowed\22:false}}}"#;
    Text(format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\08\00\00\00\29\00\00\00{response}")
            (func (export "authz") (local $n i32)
                (loop (br_if 0 (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const {number}))))
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))))"#
    ))
}

fn load(body: &str, module: &Text) -> (Configuration, Host) {
    let text = format!("apiVersion: k8s-wasm/v1alpha1\nkind: Configuration\n{body}\n");
    let source = Source::text(Format::Configuration, "x", text.into());
    let configuration = Configuration::load(&[source]).unwrap();
    let engine = engine::Engine::new(engine::Options::default()).unwrap();
    let host = Host::load(&configuration, module, &engine).unwrap();
    (configuration, host)
}

const EVERYTHING: &str =
    "rules: [{operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*']}]";

#[test]
fn rejects_a_hanging_policy_soon_as_transient() {
    let (configuration, host) = load(
        "authorization: {modules: [{name: hangs, module: x, timeout: 50ms}]}",
        &hanging(),
    );
    let start = Instant::now();
    let locked_out = check(&configuration, &host).unwrap_err();
    // A timeout for each of more than a hundred probes would take longer.
    assert!(start.elapsed() < Duration::from_secs(4));
    assert!(locked_out.is_transient());
    let message = locked_out.to_string();
    assert!(message.starts_with("could not determine in time whether the policies would lock"));
    assert!(!message.contains("exempt"), "{message}");
    let problems: Vec<_> = locked_out.iter().map(|blocked| &blocked.problem).collect();
    assert_eq!(
        problems[0],
        "policy `hangs` failed: the module did not finish before its deadline"
    );
    assert_eq!(
        problems[1],
        "policy `hangs` failed: it timed out on earlier probes"
    );
}

#[test]
fn a_hanging_policy_hides_nothing_if_its_failures_are_ignored() {
    let body = format!(
        "admission: {{modules: [{{module: x, timeout: 50ms, failurePolicy: Ignore, {EVERYTHING}}}]}}"
    );
    let (configuration, host) = load(&body, &hanging());
    let start = Instant::now();
    let passed = check(&configuration, &host).unwrap();
    assert!(start.elapsed() < Duration::from_secs(2));
    assert_eq!(passed.skipped, 0);
}

#[test]
fn monitored_policies_are_not_called() {
    let body = format!(
        "authorization: {{modules: [{{module: x, timeout: 30s, policyMode: monitor}}]}}\n\
         admission: {{modules: [{{module: x, timeout: 30s, policyMode: monitor, {EVERYTHING}}}]}}"
    );
    let (configuration, host) = load(&body, &hanging());
    let start = Instant::now();
    check(&configuration, &host).unwrap();
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn probes_run_one_at_a_time() {
    // Concurrently, eight calls would take eight times as long each, twice the timeout.
    let slow = counting_to(100_000_000);
    let all = "timeout: 30s";
    let exempt: Vec<_> = EssentialOperation::all()
        .iter()
        .map(|operation| operation.name)
        .filter(|name| !matches!(*name, "kubelet-lease" | "kubelet-pods"))
        .collect();
    let body = |fields: &str| {
        format!(
            "authorization: {{modules: [{{module: x, {fields}}}]}}\nlockOutGuard: {{exempt: {exempt:?}}}"
        )
    };
    let (configuration, host) = load(&body(all), &slow);
    let start = Instant::now();
    let passed = check(&configuration, &host).unwrap();
    let each = start.elapsed() / u32::try_from(passed.probes).unwrap();
    let timeout = format!("timeout: {}ms", 4 * each.as_millis());
    let (configuration, host) = load(&body(&timeout), &slow);
    assert_eq!(check(&configuration, &host), Ok(passed));
}

#[test]
fn skipped_probes_block_only_after_a_blocked_or_late_one() {
    let silent = counting_to(1);
    let (configuration, host) = load("authorization: {modules: [{module: x}]}", &silent);
    let passed = check_within(&configuration, &host, Duration::ZERO).unwrap();
    assert_eq!((passed.probes, passed.skipped), (0, all_probes().len()));

    // The first call times out after the guard's own time is over.
    let hangs = "authorization: {modules: [{module: x, timeout: 200ms}]}";
    let (configuration, host) = load(hangs, &hanging());
    let time = Duration::from_millis(100);
    let locked_out = check_within(&configuration, &host, time).unwrap_err();
    assert!(locked_out.is_transient());
    let last = locked_out.iter().last().unwrap();
    assert_eq!(
        last.problem,
        "the lock-out guard ran out of time before this probe"
    );
}
