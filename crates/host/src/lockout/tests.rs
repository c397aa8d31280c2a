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
                let body = write.review(question.need.user()).expect("a review");
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
        let body = write.review(question.need.user()).expect("a review");
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
        let objection = refused::Objection::of_nobody(problem);
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

/// A module that never comes to an end.
struct Hangs;

impl crate::ModuleSource for Hangs {
    fn read(&self, _: &std::path::Path) -> std::io::Result<Vec<u8>> {
        let text = r#"(module (memory (export "memory") 1) (func (export "authz") (loop (br 0))))"#;
        Ok(wat::parse_str(text).expect("a module"))
    }
}

#[test]
fn what_cannot_be_asked_in_time_counts_as_refused() {
    let text = b"modules: [{name: hangs, module: x, timeout: 30s}]".to_vec();
    let source = crate::config::Source::text(crate::config::Format::Authorization, "x", text);
    let configuration = Configuration::load(&[source]).expect("a configuration");
    let engine = engine::Engine::new(engine::Options::default()).expect("an engine");
    let host = Host::load(&configuration, &Hangs, &engine).expect("a host");
    let start = Instant::now();
    let LockedOut(refusals) =
        check_within(&configuration, &host, Duration::from_millis(200)).expect_err("refused");
    assert!(start.elapsed() < Duration::from_secs(10));
    let (first, last) = (&refusals[0].problem, &refusals[refusals.len() - 1].problem);
    assert_eq!(
        first,
        "policy `hangs` failed: the module did not answer before its deadline"
    );
    assert_eq!(last, "it could not be asked in the time that the guard has");
}
