//! Laws that hold for every chain and every answer.

use proptest::prelude::*;
use serde_json::{Value, json};
use wire::admission::{PatchType, Response};
use wire::meta::{Status, UserInfo};

use crate::failure::{Consequence, Failure, FailureKind};
use crate::mode::Mode;
use crate::rules::Rule;
use crate::testing::{Table, block, name};
use crate::trace::{StepOutcome, StepVerdict, Trace};
use crate::{admission, authn, authz};

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
        FailureKind::Answer,
        FailureKind::Busy,
    ])
    .prop_map(|kind| Failure::new(kind, "failed"))
}

/// Answers and failures, as many as the chain is long.
fn any_answers<A: Clone + std::fmt::Debug + 'static>(
    answer: impl Strategy<Value = A> + 'static,
) -> impl Strategy<Value = Vec<Result<A, Failure>>> {
    let answer = prop_oneof![3 => answer.prop_map(Ok), 1 => any_failure().prop_map(Err)];
    prop::collection::vec(answer, 0..6)
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

fn admission_chain(on_failure: &[bool], length: usize) -> Vec<admission::Policy> {
    let on_failure = on_failure.iter().cycle().take(length).enumerate();
    on_failure
        .map(|(index, ignore)| admission::Policy {
            name: name(&format!("p{index}")),
            rules: vec![Rule::everything()],
            on_failure: if *ignore {
                admission::OnFailure::Ignore
            } else {
                admission::OnFailure::Fail
            },
            mode: Mode::Protect,
        })
        .collect()
}

fn authn_chain(length: usize) -> Vec<authn::Policy> {
    let policy = |index| authn::Policy {
        name: name(&format!("p{index}")),
        system_names: authn::SystemNames::Refused,
        mode: Mode::Protect,
    };
    (0..length).map(policy).collect()
}

fn authz_chain(vetoes: &[bool], length: usize) -> Vec<authz::Policy> {
    let vetoes = vetoes.iter().cycle().take(length).enumerate();
    vetoes
        .map(|(index, veto)| authz::Policy {
            name: name(&format!("p{index}")),
            on_failure: if *veto {
                authz::OnFailure::Deny
            } else {
                authz::OnFailure::NoOpinion
            },
            mode: Mode::Protect,
        })
        .collect()
}

/// Exactly one step per policy, in the order of the chain.
fn is_complete(trace: &Trace, length: usize) -> bool {
    let names = trace.steps.iter().map(|step| step.policy.to_string());
    names.eq((0..length).map(|index| format!("p{index}")))
}

fn has(trace: &Trace, is: impl Fn(&StepVerdict) -> bool) -> bool {
    trace.steps.iter().any(|step| match &step.outcome {
        StepOutcome::Evaluated { answer, .. } => is(answer),
        StepOutcome::Skipped(_) | StepOutcome::Monitored { .. } => false,
    })
}

fn has_failure(trace: &Trace, consequence: Consequence) -> bool {
    let mut consequences = trace.steps.iter().filter_map(|step| step.failure());
    consequences.any(|(_, found)| found == consequence)
}

fn mutate(
    chain: &[admission::Policy],
    review: &str,
    table: &Table<Response>,
) -> admission::Outcome {
    let review = wire::admission::Review::parse(review.as_bytes()).unwrap();
    block(admission::mutate(chain, &review, table))
}

/// A chain in which some are watched, beside the chain and the answers without those.
fn with_and_without<P: Clone, A: Clone>(
    mut chain: Vec<P>,
    answers: &[A],
    watched: &[bool],
    watch: impl Fn(&mut P),
) -> (Vec<P>, Vec<P>, Vec<A>) {
    let mut others = (Vec::new(), Vec::new());
    let watched = watched.iter().cycle();
    for ((policy, answer), is_watched) in chain.iter_mut().zip(answers).zip(watched) {
        if *is_watched {
            watch(policy);
        } else {
            others.0.push(policy.clone());
            others.1.push(answer.clone());
        }
    }
    (chain, others.0, others.1)
}

proptest! {
    #[test]
    fn watched_authenticators_change_no_decision(
        answers in any_answers(any_token_status()),
        watched in prop::collection::vec(any::<bool>(), 1..4),
    ) {
        let watch = |policy: &mut authn::Policy| policy.mode = Mode::Monitor;
        let (chain, others, told) = with_and_without(authn_chain(answers.len()), &answers, &watched, watch);
        let review = wire::authentication::Review::parse(TOKEN.as_bytes()).unwrap();
        let with = block(authn::decide(&chain, &review, &Table::new(answers)));
        let without = block(authn::decide(&others, &review, &Table::new(told)));
        prop_assert!(is_complete(&with.trace, chain.len()));
        prop_assert_eq!(with.decision, without.decision);
    }

    #[test]
    fn watched_authorizers_change_no_decision(
        answers in any_answers(any_access_status()),
        vetoes in prop::collection::vec(any::<bool>(), 1..4),
        watched in prop::collection::vec(any::<bool>(), 1..4),
    ) {
        let watch = |policy: &mut authz::Policy| policy.mode = Mode::Monitor;
        let (chain, others, told) = with_and_without(authz_chain(&vetoes, answers.len()), &answers, &watched, watch);
        let review = wire::authorization::Review::parse(ACCESS.as_bytes()).unwrap();
        let with = block(authz::decide(&chain, &review, &Table::new(answers)));
        let without = block(authz::decide(&others, &review, &Table::new(told)));
        prop_assert!(is_complete(&with.trace, chain.len()));
        prop_assert_eq!(with.decision, without.decision);
    }

    #[test]
    fn watched_admission_policies_reject_and_change_nothing(
        answers in any_answers(any_response()),
        ignore in prop::collection::vec(any::<bool>(), 1..4),
        watched in prop::collection::vec(any::<bool>(), 1..4),
    ) {
        let watch = |policy: &mut admission::Policy| policy.mode = Mode::Monitor;
        let (chain, others, told) = with_and_without(admission_chain(&ignore, answers.len()), &answers, &watched, watch);
        // Warnings and annotations do travel, so the decision alone is compared.
        let decision = |outcome: admission::Outcome| outcome.answer.map(|answer| {
            let response = answer.response("u");
            (response.allowed, response.patch, response.status)
        });
        let with = mutate(&chain, OBJECT, &Table::new(answers));
        let without = mutate(&others, OBJECT, &Table::new(told));
        prop_assert!(is_complete(&with.trace, chain.len()));
        prop_assert_eq!(decision(with), decision(without));
    }

    #[test]
    fn only_an_answer_that_breaks_no_rule_authenticates(answers in any_answers(any_token_status())) {
        let chain = authn_chain(answers.len());
        let review = wire::authentication::Review::parse(TOKEN.as_bytes()).unwrap();
        let outcome = block(authn::decide(&chain, &review, &Table::new(answers)));
        prop_assert!(is_complete(&outcome.trace, chain.len()));
        let status = outcome.status();
        let is_identity = |answer: &StepVerdict| matches!(answer, StepVerdict::Authenticated { .. });
        prop_assert_eq!(status.authenticated, has(&outcome.trace, is_identity));
        if status.authenticated {
            prop_assert_eq!(status.user.unwrap().username, "jane");
            prop_assert!(status.audiences.is_empty() || status.audiences == ["a"]);
        }
        // Not cached exactly when a call failed.
        let failed = has_failure(&outcome.trace, Consequence::NoDecision);
        prop_assert_eq!(!status.error.is_empty(), !status.authenticated && failed);
    }

    /// S3: a failed call is never an allow.
    #[test]
    fn failures_alone_never_authenticate(failures in prop::collection::vec(any_failure(), 1..5)) {
        let chain = authn_chain(failures.len());
        let review = wire::authentication::Review::parse(TOKEN.as_bytes()).unwrap();
        let outcome = block(authn::decide(&chain, &review, &Table::new(failures.into_iter().map(Err))));
        prop_assert!(!outcome.status().authenticated && !outcome.status().error.is_empty());
    }

    /// S3, S11: a failed call is never an allow. No opinion unless somebody has one; never allowed and denied at once; raw selectors are not read.
    #[test]
    fn a_failed_authorizer_is_never_an_allow(
        answers in any_answers(any_access_status()),
        vetoes in prop::collection::vec(any::<bool>(), 1..4),
    ) {
        let chain = authz_chain(&vetoes, answers.len());
        let review = wire::authorization::Review::parse(ACCESS.as_bytes()).unwrap();
        let outcome = block(authz::decide(&chain, &review, &Table::new(answers)));
        prop_assert!(is_complete(&outcome.trace, chain.len()));
        let trace = &outcome.trace;
        let allowed = has(trace, |answer| matches!(answer, StepVerdict::Allowed { .. }));
        let denied = has(trace, |answer| matches!(answer, StepVerdict::Denied { .. }))
            || has_failure(trace, Consequence::Denied);
        let failed = has_failure(trace, Consequence::NoDecision);
        match outcome.decision {
            Ok(authz::Decision::Allow { .. }) => prop_assert!(allowed && !denied),
            Ok(authz::Decision::Deny { reason }) => prop_assert!(denied && !allowed && !reason.is_empty()),
            Ok(authz::Decision::NoOpinion { .. }) => prop_assert!(!allowed && !denied && !failed),
            Err(undecided) => prop_assert!(!allowed && !denied && failed && !undecided.message.is_empty()),
        }
    }

    /// S3: a failed call is never an allow.
    #[test]
    fn a_validator_that_failed_is_never_an_accept_and_all_rejections_are_reported(
        answers in any_answers(any_response()),
        ignore in prop::collection::vec(any::<bool>(), 1..4),
    ) {
        let chain = admission_chain(&ignore, answers.len());
        let review = wire::admission::Review::parse(OBJECT.as_bytes()).unwrap();
        let table = Table::new(answers);
        let outcome = block(admission::validate(&chain, &review, &table));
        prop_assert!(is_complete(&outcome.trace, chain.len()));
        prop_assert_eq!(table.asked(), (0..chain.len()).collect::<Vec<_>>());
        let failed = has_failure(&outcome.trace, Consequence::NoDecision);
        let rejected: Vec<_> = outcome.trace.steps.iter().filter_map(|step| match &step.outcome {
            StepOutcome::Evaluated { answer: StepVerdict::Rejected { message, .. }, .. } =>
                Some(format!("{}: {message}", step.policy)),
            _ => None,
        }).collect();
        match outcome.answer.map(|answer| answer.decision) {
            Ok(admission::Decision::Accept { patch }) =>
                prop_assert!(patch.is_none() && !failed && rejected.is_empty()),
            Ok(admission::Decision::Reject(rejection)) =>
                prop_assert_eq!(rejection.message, rejected.join("; ")),
            Err(_) => prop_assert!(failed && rejected.is_empty()),
        }
    }

    /// S3: a failed call is never an allow.
    #[test]
    fn a_mutator_that_failed_changes_nothing(
        answers in any_answers(any_response()),
        ignore in prop::collection::vec(any::<bool>(), 1..4),
    ) {
        let chain = admission_chain(&ignore, answers.len());
        let outcome = mutate(&chain, OBJECT, &Table::new(answers));
        prop_assert!(is_complete(&outcome.trace, chain.len()));
        let failed = has_failure(&outcome.trace, Consequence::NoDecision);
        let rejected = has(&outcome.trace, |answer| matches!(answer, StepVerdict::Rejected { .. }));
        let mutated = has(&outcome.trace, |answer| matches!(answer, StepVerdict::Accepted { mutated: true }));
        match outcome.answer.map(|answer| answer.decision) {
            Ok(admission::Decision::Accept { patch }) =>
                prop_assert!(!failed && !rejected && (mutated || patch.is_none())),
            Ok(admission::Decision::Reject(_)) => prop_assert!(rejected && !failed),
            Err(_) => prop_assert!(failed && !rejected),
        }
    }

    /// S12: mutating twice is mutating once, by small patches that were applied.
    #[test]
    fn mutating_twice_changes_nothing_the_second_time(
        objects in prop::collection::vec(prop::collection::btree_map("[a-c]", 0..3, 0..4), 1..4),
    ) {
        // Policies that always want the same object are idempotent together.
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
            let admission::Decision::Accept { patch } = outcome.answer.unwrap().decision else {
                panic!("accepted");
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
    fn answers_echo_uid_api_version_and_kind(
        answers in any_answers(any_response()),
        uid in "[a-f0-9-]{0,36}",
        version in prop::sample::select(vec!["admission.k8s.io/v1", "admission.k8s.io/v1beta1"]),
    ) {
        let chain = admission_chain(&[true], answers.len());
        let body = OBJECT
            .replace(r#""uid":"u""#, &format!(r#""uid":"{uid}""#))
            .replace("admission.k8s.io/v1", version);
        let review = wire::admission::Review::parse(body.as_bytes()).unwrap();
        let outcome = block(admission::mutate(&chain, &review, &Table::new(answers)));
        let response = outcome.answer.unwrap().response(&review.request.uid);
        let answer = wire::admission::answer(review.version, &response);
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        prop_assert_eq!(&answer["response"]["uid"], &json!(uid));
        prop_assert_eq!(&answer["apiVersion"], &json!(version));
        prop_assert_eq!(&answer["kind"], &json!("AdmissionReview"));
    }
}
