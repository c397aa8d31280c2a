//! How the guard asks: all reviews, a few at a time, before one deadline.

use std::time::{Duration, Instant};

use access::{FailureKind, PolicyName, Trace, admission, authz};
use access::{Plane, Undecided};
use futures_util::future::join_all;
use wire::review::ParseError;

use super::corpus::{Asked, Question, Write};
use super::refused::{Objection, Refusal};
use crate::Host;
use crate::policy::Asker;

/// So many reviews are asked at once: a policy that hangs is waited for together, and one that serves meanwhile is not crowded out.
const AT_ONCE: usize = 8;

/// A call that came too late is made again so many times: the machine may be busy with compiling or serving.
const TRIES: usize = 3;

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(50);

const LATE: &str = "it could not be asked in the time that the guard has";

/// Asks a set of policies.
pub(super) struct Guard<'a> {
    host: &'a Host,
    mutation: Vec<admission::Policy>,
    validation: Vec<admission::Policy>,
    deadline: Instant,
}

/// What a chain said.
struct Told {
    is_refused: bool,
    trace: Trace,
    /// The review with the object as it was changed.
    changed: Option<Vec<u8>>,
}

impl<'a> Guard<'a> {
    /// Of the admission policies, those are asked of which `is_asked` says so.
    pub(super) fn new(
        host: &'a Host,
        is_asked: impl Fn(&PolicyName) -> bool,
        deadline: Instant,
    ) -> Self {
        let chain = |rules: &[admission::Policy]| {
            let mut chain = rules.to_vec();
            for policy in &mut chain {
                if !is_asked(&policy.name) {
                    policy.rules.clear();
                }
            }
            chain
        };
        Self {
            mutation: chain(&host.mutation.rules),
            validation: chain(&host.validation.rules),
            host,
            deadline,
        }
    }

    /// Every refusal, in the order of the questions.
    pub(super) async fn ask_all(&self, questions: &[Question]) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        for questions in questions.chunks(AT_ONCE) {
            let asked = questions.iter().map(|question| self.ask(question));
            refusals.extend(join_all(asked).await.into_iter().flatten());
        }
        refusals
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
        let review = write.review(question.need.user());
        let review = review.map_err(|error| nobody(question, Plane::Mutation, &error))?;
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
        let mut tries: usize = 0;
        let mut refusals = nobody(question, plane, LATE);
        while Instant::now() < self.deadline {
            let told = self.ask_once(plane, review).await;
            let told = told.map_err(|error| nobody(question, plane, &error))?;
            if !told.is_refused {
                return Ok(told.changed);
            }
            let objections = Objection::all(&told.trace).into_iter();
            let refusal = |objection| Refusal::new(question, plane, objection);
            refusals = objections.map(refusal).collect();
            tries = tries.saturating_add(1);
            if !is_hurried(&told.trace, tries) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(refusals)
    }

    async fn ask_once(&self, plane: Plane, review: &[u8]) -> Result<Told, ParseError> {
        match plane {
            // Certificates and tokens of service accounts are checked before any authenticator is asked.
            Plane::Authentication => Ok(Told {
                is_refused: false,
                trace: Trace::default(),
                changed: None,
            }),
            Plane::Authorization => self.authorize(review).await,
            Plane::Mutation => {
                let review = wire::admission::Review::parse(review)?;
                let asker = Asker::new(&self.host.mutation.loaded, self.deadline);
                let outcome = admission::mutate(&self.mutation, &review, &asker).await;
                admitted(outcome, &review)
            }
            Plane::Validation => {
                let review = wire::admission::Review::parse(review)?;
                let asker = Asker::new(&self.host.validation.loaded, self.deadline);
                let outcome = admission::validate(&self.validation, &review, &asker).await;
                admitted(outcome, &review)
            }
        }
    }

    async fn authorize(&self, review: &[u8]) -> Result<Told, ParseError> {
        let review = wire::authorization::Review::parse(review)?;
        let chain = &self.host.authorization;
        let asker = Asker::new(&chain.loaded, self.deadline);
        let outcome = authz::decide(&chain.rules, &review, &asker).await;
        Ok(Told {
            is_refused: match outcome.decision {
                Ok(authz::Decision::Allow { .. } | authz::Decision::NoOpinion { .. }) => false,
                Ok(authz::Decision::Deny { .. }) | Err(Undecided { .. }) => true,
            },
            trace: outcome.trace,
            changed: None,
        })
    }
}

/// When nothing could be asked at all.
pub(super) fn nothing_asked(
    questions: &[Question],
    problem: &dyn std::fmt::Display,
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for question in questions {
        let plane = match question.asked {
            Asked::Access(_) => Plane::Authorization,
            Asked::Write(_) => Plane::Mutation,
        };
        refusals.extend(nobody(question, plane, problem));
    }
    refusals
}

fn nobody<P: std::fmt::Display + ?Sized>(
    question: &Question,
    plane: Plane,
    problem: &P,
) -> Vec<Refusal> {
    let objection = Objection::of_nobody(problem.to_string());
    vec![Refusal::new(question, plane, objection)]
}

fn admitted(
    outcome: admission::Outcome,
    review: &wire::admission::Review<'_>,
) -> Result<Told, ParseError> {
    let (is_refused, patch) = match outcome.answer.map(|answer| answer.decision) {
        Ok(admission::Decision::Accept { patch }) => (false, patch),
        Ok(admission::Decision::Reject(_)) | Err(Undecided { .. }) => (true, None),
    };
    let changed = patch.map(|patch| review.for_module_with(&patch.object()));
    Ok(Told {
        is_refused,
        trace: outcome.trace,
        changed: changed.transpose()?,
    })
}

/// Whether nothing but the moment was bad: too many calls, or, for the first few times, too little time.
fn is_hurried(trace: &Trace, tries: usize) -> bool {
    let mut failures = trace.failures().peekable();
    failures.peek().is_some()
        && failures.all(|(_, failure)| match failure.kind {
            FailureKind::Busy => true,
            FailureKind::Deadline => tries < TRIES,
            _ => false,
        })
}
