//! What the corpus says, and how refusals are told.

use std::collections::HashSet;

use serde_json::Value;
use wire::{admission, authorization};

use super::corpus::{Asked, Question};
use super::*;

fn everything() -> Vec<Question> {
    corpus::questions(&Exempt::default())
}

#[test]
fn every_need_has_a_name_in_kebab_case_a_reason_and_reviews() {
    let mut names = HashSet::new();
    for need in needs() {
        let is_kebab = |letter: char| letter.is_ascii_lowercase() || letter == '-';
        assert!(need.name.chars().all(is_kebab), "{}", need.name);
        assert!(need.why.ends_with('.'), "{}: {}", need.name, need.why);
        assert!(names.insert(need.name), "{} is there twice", need.name);
        let mut questions = everything().into_iter();
        assert!(questions.any(|question| question.need.name == need.name));
    }
    assert!(!names.contains(exempt::ALL), "it stands for every need");
}

#[test]
fn every_review_is_one_that_kube_apiserver_could_have_sent() {
    for question in everything() {
        match &question.asked {
            Asked::Access(spec) => {
                let body = authorization::question(spec);
                let review = authorization::Review::parse(&body).expect("a review");
                let (resource, path) = (
                    review.spec.resource_attributes,
                    review.spec.non_resource_attributes,
                );
                assert!(resource.is_some() != path.is_some(), "{question}");
                assert!(resource.is_none_or(|asked| !asked.resource.is_empty()));
            }
            Asked::Write(write) => {
                let body = write.review(question.user).expect("a review");
                let request = admission::Review::parse(&body).expect("a review").request;
                assert!(!request.kind.kind.is_empty() && !request.resource.version.is_empty());
                let there = (request.object.is_some(), request.old_object.is_some());
                let expected = match request.operation {
                    admission::Operation::Create => (true, false),
                    admission::Operation::Update => (true, true),
                    admission::Operation::Delete => (false, true),
                    admission::Operation::Connect => panic!("{question}"),
                };
                assert_eq!(there, expected, "{question}");
            }
        }
    }
}

#[test]
fn an_update_differs_from_what_was_there() {
    for question in everything() {
        let Asked::Write(write) = &question.asked else {
            continue;
        };
        let body = write.review(question.user).expect("a review");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        let request = &body["request"];
        assert_ne!(request["object"], request["oldObject"], "{question}");
    }
}

#[test]
fn what_is_exempt_is_not_asked() {
    let mut exempt = Exempt::default();
    exempt.add("kubelet-lease").expect("a need");
    let questions = corpus::questions(&exempt);
    assert!(
        questions
            .iter()
            .all(|question| question.need.name != "kubelet-lease")
    );
    assert!(questions.len() < everything().len());
    exempt.add("all").expect("a word");
    assert!(corpus::questions(&exempt).is_empty());
}

#[test]
fn an_unknown_need_is_told_with_the_nearest() {
    let unknown = Exempt::default()
        .add("kubelet-leases")
        .expect_err("unknown");
    assert_eq!(unknown.nearest, Some("kubelet-lease"));
    assert_eq!(
        Exempt::default().add("x").expect_err("unknown").nearest,
        None
    );
}

#[test]
fn refusals_of_one_policy_for_one_need_are_told_as_one() {
    let questions = everything();
    let of = |problem: &str| {
        let objection = refused::Objection::of_nobody(Cause::Policy, problem);
        Refusal::new(&questions[0], access::Plane::Authorization, objection)
    };
    let locked_out = LockedOut::of(vec![of("no"), of("nor that")]).expect("refusals");
    assert_eq!(
        locked_out.to_string(),
        "the policies would lock the cluster out\n\
         `kubelet-lease`: get leases worker-1 in kube-node-lease by system:node:worker-1 (and 1 more): no (A node whose lease is \
         not renewed counts as gone after 40 seconds, and its pods are moved to others.)\n\
         if that is meant, configure `lockOutGuard: {exempt: [kubelet-lease]}`"
    );
    assert!(LockedOut::of(Vec::new()).is_none());
}

#[test]
fn administrators_are_asked_about_with_the_groups_that_kubeadm_gives_them() {
    let questions = everything().into_iter();
    let mut admins: Vec<_> = questions
        .filter(|question| question.need.name == "webhook-configurations")
        .map(|question| {
            (
                question.user.username.as_str(),
                question.user.groups[0].as_str(),
            )
        })
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

/// Every file is this module.
struct Text(String);

impl crate::ModuleSource for Text {
    fn read(&self, _: &std::path::Path) -> std::io::Result<Vec<u8>> {
        Ok(wat::parse_str(&self.0).expect("a module"))
    }
}

/// Modules that never come to an end, and modules that do so soon, with no opinion or accepting, after counting to a number.
fn hanging() -> Text {
    let hangs = "(loop (br 0))";
    Text(format!(
        r#"(module (memory (export "memory") 1) (func (export "authz") {hangs}) (func (export "validate") {hangs}))"#
    ))
}

fn counting_to(number: u32) -> Text {
    let answers = r#"{\22response\22:{\22status\22:{\22allowed\22:false}}}"#;
    Text(format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\08\00\00\00\29\00\00\00{answers}")
            (func (export "authz") (local $n i32)
                (loop (br_if 0 (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const {number}))))
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))))"#
    ))
}

fn load(body: &str, module: &Text) -> (Configuration, Host) {
    use crate::config::{Format, Source};
    let text = format!("apiVersion: k8s-wasm/v1alpha1\nkind: Configuration\n{body}\n");
    let source = Source::text(Format::Configuration, "x", text.into());
    let configuration = Configuration::load(&[source]).expect("a configuration");
    let engine = engine::Engine::new(engine::Options::default()).expect("an engine");
    let host = Host::load(&configuration, module, &engine).expect("a host");
    (configuration, host)
}

const EVERYTHING: &str =
    "rules: [{operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*']}]";

#[test]
fn a_policy_that_hangs_is_refused_soon_and_perhaps_because_of_the_moment() {
    let (configuration, host) = load(
        "authorization: {modules: [{name: hangs, module: x, timeout: 50ms}]}",
        &hanging(),
    );
    let start = Instant::now();
    let locked_out = check(&configuration, &host).expect_err("refused");
    // Each of more than a hundred reviews would have taken that long.
    assert!(start.elapsed() < Duration::from_secs(4));
    assert!(locked_out.is_transient());
    let told = locked_out.to_string();
    assert!(told.starts_with("the policies did not say in time whether they would lock"));
    assert!(!told.contains("exempt"), "{told}");
    let problems: Vec<_> = locked_out
        .0
        .iter()
        .map(|refusal| &refusal.problem)
        .collect();
    assert_eq!(
        problems[0],
        "policy `hangs` failed: the module did not answer before its deadline"
    );
    assert_eq!(
        problems[1],
        "policy `hangs` failed: it did not answer in time when it was asked before"
    );
}

#[test]
fn a_policy_that_hangs_hides_nothing_when_its_failures_are_ignored() {
    let body = format!(
        "admission: {{modules: [{{module: x, timeout: 50ms, failurePolicy: Ignore, {EVERYTHING}}}]}}"
    );
    let (configuration, host) = load(&body, &hanging());
    let start = Instant::now();
    let passed = check(&configuration, &host).expect("nothing refused");
    assert!(start.elapsed() < Duration::from_secs(2));
    assert_eq!(passed.not_asked, 0);
}

#[test]
fn a_policy_that_is_only_watched_is_not_even_asked() {
    let body = format!(
        "authorization: {{modules: [{{module: x, timeout: 30s, policyMode: monitor}}]}}\n\
         admission: {{modules: [{{module: x, timeout: 30s, policyMode: monitor, {EVERYTHING}}}]}}"
    );
    let (configuration, host) = load(&body, &hanging());
    let start = Instant::now();
    check(&configuration, &host).expect("nothing refused");
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_slow_policy_has_its_time_to_itself() {
    // Interleaved, eight calls would take eight times as long each, which is twice as long as they may.
    let slow = counting_to(100_000_000);
    let all = "timeout: 30s";
    let exempt: Vec<_> = needs()
        .map(|need| need.name)
        .filter(|name| !matches!(*name, "kubelet-lease" | "kubelet-pods"))
        .collect();
    let body = |fields: &str| {
        format!(
            "authorization: {{modules: [{{module: x, {fields}}}]}}\nlockOutGuard: {{exempt: {exempt:?}}}"
        )
    };
    let (configuration, host) = load(&body(all), &slow);
    let start = Instant::now();
    let passed = check(&configuration, &host).expect("nothing refused");
    let each = start.elapsed() / u32::try_from(passed.reviews).expect("a few");
    let timeout = format!("timeout: {}ms", 4 * each.as_millis());
    let (configuration, host) = load(&body(&timeout), &slow);
    assert_eq!(check(&configuration, &host), Ok(passed));
}

#[test]
fn what_there_was_no_time_for_is_told_and_refused_only_after_a_refusal() {
    let silent = counting_to(1);
    let (configuration, host) = load("authorization: {modules: [{module: x}]}", &silent);
    let passed = check_within(&configuration, &host, Duration::ZERO).expect("nothing refused");
    assert_eq!((passed.reviews, passed.not_asked), (0, everything().len()));

    // Late once, which is when the time is over.
    let hangs = "authorization: {modules: [{module: x, timeout: 200ms}]}";
    let (configuration, host) = load(hangs, &hanging());
    let time = Duration::from_millis(100);
    let locked_out = check_within(&configuration, &host, time).expect_err("refused");
    assert!(locked_out.is_transient());
    let last = locked_out.0.last().expect("a refusal");
    assert_eq!(
        last.problem,
        "it could not be asked in the time that the guard has"
    );
}
