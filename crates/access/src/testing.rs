//! Helpers of all chain tests: a table of responses instead of modules.

use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::evaluate::{Entry, Evaluate, Evaluated, PolicyReview};
use crate::failure::{Failure, FailureKind};
use crate::policy::PolicyName;
use crate::trace::{Step, StepVerdict, Timing, Trace};

/// Responses of the policies of a chain, and a record of the calls.
pub(crate) struct Table<A> {
    responses: Vec<Result<A, Failure>>,
    calls: Mutex<Vec<(usize, String)>>,
}

/// The evaluator of a policy: the index of its response in the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row(pub(crate) usize);

impl<A> Table<A> {
    pub(crate) fn new(responses: impl IntoIterator<Item = Result<A, Failure>>) -> Self {
        Self {
            responses: responses.into_iter().collect(),
            calls: Mutex::default(),
        }
    }

    /// Returns the indices of the evaluated policies, in order.
    pub(crate) fn evaluated(&self) -> Vec<usize> {
        let calls = self.calls.lock().unwrap();
        calls.iter().map(|(row, _)| *row).collect()
    }

    /// Returns the reviews that the policies were evaluated on, in order.
    pub(crate) fn reviews(&self) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        calls.iter().map(|(_, review)| review.clone()).collect()
    }
}

impl<A: Clone + Send + Sync> Evaluate<A> for Row {
    type Context = Table<A>;
    type Parsed = ();

    async fn evaluate(&self, review: &PolicyReview<'_, ()>, table: &Table<A>) -> Evaluated<A> {
        let json = String::from_utf8(review.json().to_vec()).unwrap();
        table.calls.lock().unwrap().push((self.0, json));
        Evaluated {
            response: table.responses[self.0].clone(),
            timing: Timing {
                start: Duration::from_micros(3),
                duration: Duration::from_micros(7),
            },
        }
    }
}

/// Creates a chain whose policies are named `p0`, `p1` and so on.
pub(crate) fn chain_of<P>(
    length: usize,
    policy: impl Fn(usize, PolicyName) -> P,
) -> Vec<Entry<P, Row>> {
    let entry = |index| Entry {
        policy: policy(index, name(&format!("p{index}"))),
        evaluator: Row(index),
    };
    (0..length).map(entry).collect()
}

/// Polls a future until it is ready; those of these tests need few polls.
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

/// Returns the failure of a call that trapped.
pub(crate) fn trap() -> Failure {
    Failure::new(FailureKind::Trap, "the module trapped").with_detail("secret".to_owned())
}

/// Returns the failure of a call that found no space in the queue.
pub(crate) fn overload() -> Failure {
    Failure::new(FailureKind::Overloaded, "too many calls")
}

/// Returns the verdicts in a trace; `None` for skipped policies.
pub(crate) fn verdicts(trace: &Trace) -> Vec<Option<&StepVerdict>> {
    trace.steps.iter().map(Step::verdict).collect()
}

/// Returns the failure of one step.
pub(crate) fn failure_of(trace: &Trace, step: usize) -> (FailureKind, &str) {
    let (failure, _) = trace.steps[step].failure().unwrap();
    (failure.kind, &failure.message)
}
