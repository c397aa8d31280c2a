//! What the tests of all chains share: a table of answers in place of modules.

use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::ask::{Ask, Asked};
use crate::failure::{Failure, FailureKind};
use crate::name::PolicyName;
use crate::trace::{Step, StepVerdict, Timing, Trace};

/// Answers by the index of the policy, and remembers what was asked.
pub(crate) struct Table<A> {
    answers: Vec<Result<A, Failure>>,
    asked: Mutex<Vec<(usize, String)>>,
}

impl<A> Table<A> {
    pub(crate) fn new(answers: impl IntoIterator<Item = Result<A, Failure>>) -> Self {
        Self {
            answers: answers.into_iter().collect(),
            asked: Mutex::default(),
        }
    }

    /// The policies that were asked, in order.
    pub(crate) fn asked(&self) -> Vec<usize> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|(policy, _)| *policy).collect()
    }

    /// What the policies were asked, in order.
    pub(crate) fn reviews(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|(_, review)| review.clone()).collect()
    }
}

impl<A: Clone + Send + Sync> Ask<A> for Table<A> {
    async fn ask(&self, policy: usize, review: &[u8]) -> Asked<A> {
        let review = String::from_utf8(review.to_vec()).unwrap();
        self.asked.lock().unwrap().push((policy, review));
        Asked {
            answer: self.answers[policy].clone(),
            timing: Timing {
                after: Duration::from_micros(3),
                elapsed: Duration::from_micros(7),
            },
        }
    }
}

/// Polls until ready; futures of these tests need few turns.
pub(crate) fn block<F: Future + Send>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
    panic!("the future never became ready");
}

pub(crate) fn name(name: &str) -> PolicyName {
    name.parse().unwrap()
}

/// A call that trapped.
pub(crate) fn trap() -> Failure {
    Failure::new(FailureKind::Trap, "the module trapped").with_detail("secret".to_owned())
}

/// The answers in a trace; `None` for policies that were skipped.
pub(crate) fn answers(trace: &Trace) -> Vec<Option<&StepVerdict>> {
    trace.steps.iter().map(Step::answer).collect()
}

/// The kind of failure of one step.
pub(crate) fn failure_of(trace: &Trace, step: usize) -> (FailureKind, &str) {
    let (failure, _) = trace.steps[step].failure().expect("a failed step");
    (failure.kind, &failure.message)
}
