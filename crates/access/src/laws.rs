//! Laws that hold for every chain and every response.

use proptest::prelude::*;
use serde_json::{Value, json};
use wire::admission::{PatchType, Response};
use wire::meta::{Status, UserInfo};

use crate::evaluate::Entry;
use crate::failure::{Consequence, Failure, FailureKind};
use crate::policy::Mode;
use crate::rules::Rule;
use crate::testing::{Row, Table, block, chain_of};
use crate::trace::{StepOutcome, StepVerdict, Trace};
use crate::{admission, authn, authz};

type Chain<P> = Vec<Entry<P, Row>>;

const TOKEN: &str = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview",
    "spec":{"token":"t","audiences":["a"]}}"#;

const ACCESS: &str = r#"{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview",
    "spec":{"user":"jane","nonResourceAttributes":{"path":"/","verb":"get"}}}"#;

const OBJECT: &str = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u",
    "operation":"UPDATE","resource":{"group":"","version":"v1","resource":"pods"},"object":{"a":1,"list":[1,2]}}}"#;

fn any_failure() -> impl Strategy<Value = Failure> {
    prop::sample::select(vec![
        FailureKind::Deadline,
        FailureKind::Memory,
        FailureKind::Trap,
        FailureKind::Response,
        FailureKind::Overloaded,
    ])
    .prop_map(|kind| Failure::new(kind, "failed"))
}

/// Generates responses and failures, one for each policy of a chain.
fn any_responses<A: Clone + std::fmt::Debug + 'static>(
    response: impl Strategy<Value = A> + 'static,
) -> impl Strategy<Value = Vec<Result<A, Failure>>> {
    let response = prop_oneof![3 => response.prop_map(Ok), 1 => any_failure().prop_map(Err)];
    prop::collection::vec(response, 0..6)
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "\\PC{0,5}"]
}

fn any_token_status() -> impl Strategy<Value = wire::authentication::Status> {
    let names = prop::sample::select(vec!["", "jane", "system:admin"]);
    let audiences = prop::sample::subsequence(vec!["a".to_owned(), "b".to_owned()], 0..3);
    let user = prop::option::of(names.prop_map(|username| UserInfo {
        username: username.to_owned(),
        ..UserInfo::default()
    }));
    (any::<bool>(), user, audiences, any_text()).prop_map(
        |(authenticated, user, audiences, error)| wire::authentication::Status {
            authenticated,
            user,
            audiences,
            error,
        },
    )
}

fn any_access_status() -> impl Strategy<Value = wire::authorization::Status> {
    (any::<bool>(), any::<bool>(), any_text(), any_text()).prop_map(
        |(allowed, denied, reason, evaluation_error)| wire::authorization::Status {
            allowed,
            denied,
            reason,
            evaluation_error,
        },
    )
}

fn any_response() -> impl Strategy<Value = Response> {
    let patch = prop_oneof![
        Just((None, None)),
        Just((Some(b"[]".to_vec()), Some(PatchType::JsonPatch))),
        Just((Some(b"{}".to_vec()), Some(PatchType::Full))),
        Just((
            Some(br#"{"a":2,"list":[2]}"#.to_vec()),
            Some(PatchType::Full)
        )),
        Just((Some(b"nonsense".to_vec()), Some(PatchType::Full))),
        Just((Some(b"{}".to_vec()), None)),
    ];
    let uid = prop::sample::select(vec!["", "u", "other"]);
    (any::<bool>(), patch, uid, any_text(), any_text()).prop_map(
        |(allowed, (patch, patch_type), uid, message, warning)| Response {
            uid: uid.to_owned(),
            allowed,
            status: Some(Status {
                message,
                ..Status::default()
            }),
            patch,
            patch_type,
            audit_annotations: [("key".to_owned(), warning.clone())].into(),
            warnings: vec![warning],
        },
    )
}

fn admission_chain(ignore: &[bool], length: usize) -> Vec<Entry<admission::Policy, Row>> {
    chain_of(length, |index, name| admission::Policy {
        name,
        rules: vec![Rule::everything()],
        on_failure: if ignore[index % ignore.len()] {
            admission::OnFailure::Ignore
        } else {
            admission::OnFailure::Fail
        },
        mode: Mode::Protect,
    })
}

fn authn_chain(length: usize) -> Vec<Entry<authn::Policy, Row>> {
    chain_of(length, |_, name| authn::Policy {
        name,
        system_names: authn::SystemNames::Refused,
        mode: Mode::Protect,
    })
}

fn authz_chain(deny: &[bool], length: usize) -> Vec<Entry<authz::Policy, Row>> {
    chain_of(length, |index, name| authz::Policy {
        name,
        on_failure: if deny[index % deny.len()] {
            authz::OnFailure::Deny
        } else {
            authz::OnFailure::NoOpinion
        },
        mode: Mode::Protect,
    })
}

/// Returns whether the trace has exactly one step per policy, in the order of the chain.
fn is_complete(trace: &Trace, length: usize) -> bool {
    let names = trace.steps.iter().map(|step| step.policy.to_string());
    names.eq((0..length).map(|index| format!("p{index}")))
}

fn has(trace: &Trace, is: impl Fn(&StepVerdict) -> bool) -> bool {
    trace.steps.iter().any(|step| match &step.outcome {
        StepOutcome::Evaluated { verdict, .. } => is(verdict),
        StepOutcome::Skipped(_) | StepOutcome::Monitored { .. } => false,
    })
}

fn has_failure(trace: &Trace, consequence: Consequence) -> bool {
    let mut consequences = trace.steps.iter().filter_map(|step| step.failure());
    consequences.any(|(_, found)| found == consequence)
}

fn mutate(
    chain: &[Entry<admission::Policy, Row>],
    review: &str,
    table: &Table<Response>,
) -> admission::Outcome {
    let review = wire::admission::Review::parse(review.as_bytes()).unwrap();
    block(admission::mutate(chain, &review, &[], table))
}

/// Puts some policies into mode `monitor`. Returns the chain, and the chain and the responses
/// without the monitored policies.
fn with_and_without<P: Clone, A: Clone>(
    mut chain: Chain<P>,
    responses: &[A],
    monitored: &[bool],
    monitor: impl Fn(&mut P),
) -> (Chain<P>, Chain<P>, Vec<A>) {
    let mut others = (Vec::new(), Vec::new());
    let monitored = monitored.iter().cycle();
    for ((entry, response), is_monitored) in chain.iter_mut().zip(responses).zip(monitored) {
        if *is_monitored {
            monitor(&mut entry.policy);
        } else {
            others.0.push(Entry {
                policy: entry.policy.clone(),
                evaluator: Row(others.1.len()),
            });
            others.1.push(response.clone());
        }
    }
    (chain, others.0, others.1)
}

proptest! {
    #[test]
    fn monitored_authenticators_do_not_affect_decisions(
        responses in any_responses(any_token_status()),
        monitored in prop::collection::vec(any::<bool>(), 1..4),
    ) {
        let monitor = |policy: &mut authn::Policy| policy.mode = Mode::Monitor;
        let (chain, others, other_responses) = with_and_without(authn_chain(responses.len()), &responses, &monitored, monitor);
        let review = wire::authentication::Review::parse(TOKEN.as_bytes()).unwrap();
        let with = block(authn::decide(&chain, &review, &Table::new(responses)));
        let without = block(authn::decide(&others, &review, &Table::new(other_responses)));
        prop_assert!(is_complete(&with.trace, chain.len()));
        prop_assert_eq!(with.decision, without.decision);
    }

    #[test]
    fn monitored_authorizers_do_not_affect_decisions(
        responses in any_responses(any_access_status()),
        deny in prop::collection::vec(any::<bool>(), 1..4),
        monitored in prop::collection::vec(any::<bool>(), 1..4),
    ) {
        let monitor = |policy: &mut authz::Policy| policy.mode = Mode::Monitor;
        let (chain, others, other_responses) = with_and_without(authz_chain(&deny, responses.len()), &responses, &monitored, monitor);
        let review = wire::authorization::Review::parse(ACCESS.as_bytes()).unwrap();
        let with = block(authz::decide(&chain, &review, &Table::new(responses)));
        let without = block(authz::decide(&others, &review, &Table::new(other_responses)));
        prop_assert!(is_complete(&with.trace, chain.len()));
        prop_assert_eq!(with.decision, without.decision);
    }

    #[test]
    fn monitored_admission_policies_reject_and_change_nothing(
        responses in any_responses(any_response()),
        ignore in prop::collection::vec(any::<bool>(), 1..4),
        monitored in prop::collection::vec(any::<bool>(), 1..4),
    ) {
        let monitor = |policy: &mut admission::Policy| policy.mode = Mode::Monitor;
        let (chain, others, other_responses) = with_and_without(admission_chain(&ignore, responses.len()), &responses, &monitored, monitor);
        // Warnings and annotations are returned in either mode, so only decisions are compared.
        let decision = |outcome: admission::Outcome| outcome.response.map(|response| {
            let response = response.to_wire("u");
            (response.allowed, response.patch, response.status)
        });
        let with = mutate(&chain, OBJECT, &Table::new(responses));
        let without = mutate(&others, OBJECT, &Table::new(other_responses));
        prop_assert!(is_complete(&with.trace, chain.len()));
        prop_assert_eq!(decision(with), decision(without));
    }

    #[test]
    fn only_a_valid_response_authenticates(responses in any_responses(any_token_status())) {
        let chain = authn_chain(responses.len());
        let review = wire::authentication::Review::parse(TOKEN.as_bytes()).unwrap();
        let outcome = block(authn::decide(&chain, &review, &Table::new(responses)));
        prop_assert!(is_complete(&outcome.trace, chain.len()));
        let status = outcome.status();
        let is_identity = |verdict: &StepVerdict| matches!(verdict, StepVerdict::Authenticated { .. });
        prop_assert_eq!(status.authenticated, has(&outcome.trace, is_identity));
        if status.authenticated {
            prop_assert_eq!(status.user.unwrap().username, "jane");
            prop_assert!(status.audiences.is_empty() || status.audiences == ["a"]);
        }
        // The response is not cached if and only if a call failed.
        let failed = has_failure(&outcome.trace, Consequence::NoDecision);
        prop_assert_eq!(!status.error.is_empty(), !status.authenticated && failed);
    }

    /// S3: a failed call never allows a request.
    #[test]
    fn failures_alone_never_authenticate(failures in prop::collection::vec(any_failure(), 1..5)) {
        let chain = authn_chain(failures.len());
        let review = wire::authentication::Review::parse(TOKEN.as_bytes()).unwrap();
        let outcome = block(authn::decide(&chain, &review, &Table::new(failures.into_iter().map(Err))));
        prop_assert!(!outcome.status().authenticated && !outcome.status().error.is_empty());
    }

    /// S3, S11: a failed call never allows a request. No opinion unless a policy decides; never
    /// both allowed and denied; raw selectors are ignored.
    #[test]
    fn a_failed_authorizer_never_allows(
        responses in any_responses(any_access_status()),
        deny in prop::collection::vec(any::<bool>(), 1..4),
    ) {
        let chain = authz_chain(&deny, responses.len());
        let review = wire::authorization::Review::parse(ACCESS.as_bytes()).unwrap();
        let outcome = block(authz::decide(&chain, &review, &Table::new(responses)));
        prop_assert!(is_complete(&outcome.trace, chain.len()));
        let trace = &outcome.trace;
        let allowed = has(trace, |verdict| matches!(verdict, StepVerdict::Allowed { .. }));
        let denied = has(trace, |verdict| matches!(verdict, StepVerdict::Denied { .. }))
            || has_failure(trace, Consequence::Denied);
        let failed = has_failure(trace, Consequence::NoDecision);
        match outcome.decision {
            Ok(authz::Decision::Allow { .. }) => prop_assert!(allowed && !denied),
            Ok(authz::Decision::Deny { reason }) => prop_assert!(denied && !allowed && !reason.is_empty()),
            Ok(authz::Decision::NoOpinion { .. }) => prop_assert!(!allowed && !denied && !failed),
            Err(no_decision) => prop_assert!(
                !allowed && !denied && failed && !no_decision.message().is_empty()
            ),
        }
    }

    /// S3: a failed call never allows a request.
    #[test]
    fn a_failed_validator_never_accepts_and_all_rejections_are_reported(
        responses in any_responses(any_response()),
        ignore in prop::collection::vec(any::<bool>(), 1..4),
    ) {
        let chain = admission_chain(&ignore, responses.len());
        let review = wire::admission::Review::parse(OBJECT.as_bytes()).unwrap();
        let table = Table::new(responses);
        let outcome = block(admission::validate(&chain, &review, &[], &table));
        prop_assert!(is_complete(&outcome.trace, chain.len()));
        prop_assert_eq!(table.evaluated(), (0..chain.len()).collect::<Vec<_>>());
        let failed = has_failure(&outcome.trace, Consequence::NoDecision);
        let rejected: Vec<_> = outcome.trace.steps.iter().filter_map(|step| match &step.outcome {
            StepOutcome::Evaluated { verdict: StepVerdict::Rejected { message, .. }, .. } =>
                Some(format!("{}: {message}", step.policy)),
            _ => None,
        }).collect();
        match outcome.response.map(|response| response.decision) {
            Ok(admission::Decision::Accept { patch }) =>
                prop_assert!(patch.is_none() && !failed && rejected.is_empty()),
            Ok(admission::Decision::Reject(rejection)) =>
                prop_assert_eq!(rejection.message, rejected.join("; ")),
            Err(_) => prop_assert!(failed && rejected.is_empty()),
        }
    }

    /// S3: a failed call never allows a request.
    #[test]
    fn a_failed_mutator_changes_nothing(
        responses in any_responses(any_response()),
        ignore in prop::collection::vec(any::<bool>(), 1..4),
    ) {
        let chain = admission_chain(&ignore, responses.len());
        let outcome = mutate(&chain, OBJECT, &Table::new(responses));
        prop_assert!(is_complete(&outcome.trace, chain.len()));
        let failed = has_failure(&outcome.trace, Consequence::NoDecision);
        let rejected = has(&outcome.trace, |verdict| matches!(verdict, StepVerdict::Rejected { .. }));
        let mutated = has(&outcome.trace, |verdict| matches!(verdict, StepVerdict::Accepted { mutated: true }));
        match outcome.response.map(|response| response.decision) {
            Ok(admission::Decision::Accept { patch }) =>
                prop_assert!(!failed && !rejected && (mutated || patch.is_none())),
            Ok(admission::Decision::Reject(_)) => prop_assert!(rejected && !failed),
            Err(_) => prop_assert!(failed && !rejected),
        }
    }

    /// S12: mutating twice equals mutating once, with small patches that were applied.
    #[test]
    fn mutating_twice_changes_nothing_the_second_time(
        objects in prop::collection::vec(prop::collection::btree_map("[a-c]", 0..3, 0..4), 1..4),
    ) {
        // Policies that always return the same object are idempotent together.
        let chain = admission_chain(&[false], objects.len());
        let wanted = objects.iter().map(|object| Ok(Response {
            allowed: true,
            patch: Some(json!(object).to_string().into_bytes()),
            patch_type: Some(PatchType::Full),
            ..Response::default()
        }));
        let table = Table::new(wanted);
        let mut review: Value = serde_json::from_str(OBJECT).unwrap();
        for round in 0..2 {
            let outcome = mutate(&chain, &review.to_string(), &table);
            let admission::Decision::Accept { patch } = outcome.response.unwrap().decision else {
                panic!("rejected");
            };
            match patch {
                Some(patch) if round == 0 =>
                    review["request"]["object"] = serde_json::from_str(patch.object().get()).unwrap(),
                patch => prop_assert!(patch.is_none()),
            }
        }
        prop_assert_eq!(&review["request"]["object"], &json!(objects.last()));
    }

    #[test]
    fn responses_have_the_uid_version_and_kind_of_the_request(
        responses in any_responses(any_response()),
        uid in "[a-f0-9-]{0,36}",
        version in prop::sample::select(vec!["admission.k8s.io/v1", "admission.k8s.io/v1beta1"]),
    ) {
        let chain = admission_chain(&[true], responses.len());
        let body = OBJECT
            .replace(r#""uid":"u""#, &format!(r#""uid":"{uid}""#))
            .replace("admission.k8s.io/v1", version);
        let review = wire::admission::Review::parse(body.as_bytes()).unwrap();
        let outcome = block(admission::mutate(&chain, &review, &[], &Table::new(responses)));
        let response = outcome.response.unwrap().to_wire(&review.request.uid);
        let response = wire::admission::write_response(review.version, &response);
        let response: Value = serde_json::from_slice(&response).unwrap();
        prop_assert_eq!(&response["response"]["uid"], &json!(uid));
        prop_assert_eq!(&response["apiVersion"], &json!(version));
        prop_assert_eq!(&response["kind"], &json!("AdmissionReview"));
    }
}
