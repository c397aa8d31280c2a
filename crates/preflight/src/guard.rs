//! How the guard asks: one review after the other, so that a policy has the time to itself that it may take.

use std::time::{Duration, Instant};

use access::{Mode, NoDecision, Plane, PolicyName, Trace, admission, authz};
use wire::review::ParseError;

use super::corpus::{Asked, Question, Write};
use super::picked::{Callees, Picked};
use super::refused::{Cause, Objection, Refusal};
use crate::Host;

/// The longest that an API server waits for a webhook, and so for all policies of a plane together.
const CHAIN: Duration = Duration::from_secs(30);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(50);

const LATE: &str = "it could not be asked in the time that the guard has";

/// Asks a set of policies.
pub(super) struct Guard<'a> {
    authorization: Picked<'a, authz::Policy>,
    mutation: Picked<'a, admission::Policy>,
    validation: Picked<'a, admission::Policy>,
    deadline: Instant,
}

/// What came of asking.
pub(super) struct Heard {
    /// In the order of the questions.
    pub(super) refusals: Vec<Refusal>,
    /// How many questions the time was not enough for.
    pub(super) not_asked: usize,
}

/// What a chain said.
struct Told {
    is_refused: bool,
    trace: Trace,
    /// The review with the object as it was changed.
    changed: Option<Vec<u8>>,
}

impl<'a> Guard<'a> {
    /// The policies whose answers count are asked; those of admission only of which `is_asked` says so.
    pub(super) fn new(
        host: &'a Host,
        is_asked: impl Fn(&PolicyName) -> bool,
        deadline: Instant,
    ) -> Self {
        let admits = |policy: &admission::Policy, name: &PolicyName| {
            policy.mode == Mode::Protect && is_asked(name)
        };
        let counts = |policy: &authz::Policy, _: &PolicyName| policy.mode == Mode::Protect;
        Self {
            authorization: Picked::of(&host.authorization, counts),
            mutation: Picked::of(&host.mutation, admits),
            validation: Picked::of(&host.validation, admits),
            deadline,
        }
    }

    /// Asks until there is no question or no time left.
    pub(super) async fn ask_all(&self, mut questions: &[Question]) -> Heard {
        let mut refusals = Vec::new();
        while let Some((question, others)) = questions.split_first() {
            if self.is_over() {
                break;
            }
            refusals.extend(self.ask(question).await);
            questions = others;
        }
        // Slow policies that refused nothing until now are not to blame; what hangs may be hiding something.
        if !refusals.is_empty() || self.is_late() {
            refusals.extend(nothing_asked(questions, LATE));
        }
        Heard {
            refusals,
            not_asked: questions.len(),
        }
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    fn is_late(&self) -> bool {
        let planes = [Plane::Authorization, Plane::Mutation, Plane::Validation];
        let callees = planes.map(|plane| self.callees(plane));
        callees.into_iter().flatten().any(Callees::are_late)
    }

    fn callees(&self, plane: Plane) -> Option<&Callees<'a>> {
        match plane {
            // Certificates and tokens of service accounts are checked before any authenticator is asked.
            Plane::Authentication => None,
            Plane::Authorization => Some(&self.authorization.callees),
            Plane::Mutation => Some(&self.mutation.callees),
            Plane::Validation => Some(&self.validation.callees),
        }
    }

    async fn ask(&self, question: &Question) -> Vec<Refusal> {
        let refusals = match &question.asked {
            Asked::Access(spec) => {
                let review = wire::authorization::question(spec);
                let plane = Plane::Authorization;
                self.ask_plane(question, plane, &review).await.map(|_| ())
            }
            Asked::Write(write) => self.ask_write(question, write).await,
        };
        refusals.err().unwrap_or_default()
    }

    /// Asks who may change the object, then those who judge what has become of it.
    async fn ask_write(&self, question: &Question, write: &Write) -> Result<(), Vec<Refusal>> {
        let review = write.review(question.user);
        let review = review.map_err(|error| unreadable(question, Plane::Mutation, &error))?;
        let changed = self.ask_plane(question, Plane::Mutation, &review).await?;
        let review = changed.unwrap_or(review);
        self.ask_plane(question, Plane::Validation, &review).await?;
        Ok(())
    }

    /// Asks the chain of a plane, again when the moment was bad. The review with the changed object, if it was changed.
    async fn ask_plane(
        &self,
        question: &Question,
        plane: Plane,
        review: &[u8],
    ) -> Result<Option<Vec<u8>>, Vec<Refusal>> {
        loop {
            let told = self.ask_once(plane, review).await;
            let told = told.map_err(|error| unreadable(question, plane, &error))?;
            if !told.is_refused {
                return Ok(told.changed);
            }
            let objections = Objection::all(&told.trace);
            if self.is_over() || !self.may_be_made_good(plane, &objections) {
                let refusal = |objection| Refusal::new(question, plane, objection);
                return Err(objections.into_iter().map(refusal).collect());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether nothing but the moment was bad: the machine may be busy with compiling or serving.
    fn may_be_made_good(&self, plane: Plane, objections: &[Objection]) -> bool {
        let hangs = |policy: &PolicyName| {
            let callees = self.callees(plane);
            callees.is_some_and(|callees| callees.has_given_up(policy))
        };
        objections.iter().all(|objection| {
            objection.cause == Cause::Moment && !objection.policy.as_ref().is_some_and(hangs)
        })
    }

    async fn ask_once(&self, plane: Plane, review: &[u8]) -> Result<Told, ParseError> {
        let now = Instant::now();
        let deadline = now.checked_add(CHAIN).unwrap_or(now);
        match plane {
            Plane::Authentication => Ok(Told {
                is_refused: false,
                trace: Trace::default(),
                changed: None,
            }),
            Plane::Authorization => self.authorize(review, deadline).await,
            Plane::Mutation => {
                let review = wire::admission::Review::parse(review)?;
                let chain = &self.mutation;
                let asker = chain.callees.asker(deadline);
                let outcome = admission::mutate(&chain.rules, &review, &asker).await;
                admitted(outcome, &review)
            }
            Plane::Validation => {
                let review = wire::admission::Review::parse(review)?;
                let chain = &self.validation;
                let asker = chain.callees.asker(deadline);
                let outcome = admission::validate(&chain.rules, &review, &asker).await;
                admitted(outcome, &review)
            }
        }
    }

    async fn authorize(&self, review: &[u8], deadline: Instant) -> Result<Told, ParseError> {
        let review = wire::authorization::Review::parse(review)?;
        let chain = &self.authorization;
        let asker = chain.callees.asker(deadline);
        let outcome = authz::decide(&chain.rules, &review, &asker).await;
        Ok(Told {
            is_refused: match outcome.decision {
                Ok(authz::Decision::Allow { .. } | authz::Decision::NoOpinion { .. }) => false,
                Ok(authz::Decision::Deny { .. }) | Err(NoDecision { .. }) => true,
            },
            trace: outcome.trace,
            changed: None,
        })
    }
}

/// Questions that nobody could be asked.
pub(super) fn nothing_asked(questions: &[Question], problem: &str) -> Vec<Refusal> {
    let refusal = |question: &Question| {
        let plane = match question.asked {
            Asked::Access(_) => Plane::Authorization,
            Asked::Write(_) => Plane::Mutation,
        };
        let objection = Objection::of_nobody(Cause::Moment, problem);
        Refusal::new(question, plane, objection)
    };
    questions.iter().map(refusal).collect()
}

/// What cannot be written or read as a review.
fn unreadable(question: &Question, plane: Plane, problem: &dyn std::error::Error) -> Vec<Refusal> {
    let objection = Objection::of_nobody(Cause::Policy, problem.to_string());
    vec![Refusal::new(question, plane, objection)]
}

fn admitted(
    outcome: admission::Outcome,
    review: &wire::admission::Review<'_>,
) -> Result<Told, ParseError> {
    let (is_refused, patch) = match outcome.answer.map(|answer| answer.decision) {
        Ok(admission::Decision::Accept { patch }) => (false, patch),
        Ok(admission::Decision::Reject(_)) | Err(NoDecision { .. }) => (true, None),
    };
    let changed = patch.map(|patch| review.for_module_with(&patch.object()));
    Ok(Told {
        is_refused,
        trace: outcome.trace,
        changed: changed.transpose()?,
    })
}
