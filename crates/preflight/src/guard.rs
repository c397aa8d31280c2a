//! The evaluation of probes, one after the other, so that each policy has the time that its
//! configuration grants.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use access::{Failure, FailureKind, Mode, Plane, PolicyName, Trace, admission, authz};
use config::{Configuration, Guarded};
use host::{Decision, EvaluateError, Host, Selected, SelectedEvaluation};
use wire::review::ParseError;

use crate::corpus::{Probe, Review, Write};
use crate::patience::Patience;
use crate::report::{BlockedOperation, Cause, Objection};

/// The longest time that kube-apiserver waits for a webhook, and so for the policies of a plane.
const CHAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause before a probe is repeated.
const PAUSE: Duration = Duration::from_millis(50);

/// The message of a probe that was skipped.
const OUT_OF_TIME: &str = "the lock-out guard ran out of time before this probe";

/// The message of a call that was not made because earlier calls timed out.
const GIVEN_UP: &str = "it timed out on earlier probes";

/// A lock-out guard for one policy set.
pub(crate) struct Guard<'a> {
    host: &'a Host,
    /// The names of the admission policies that the guard evaluates.
    admission: HashSet<&'a PolicyName>,
    patience: Patience,
    deadline: Instant,
}

/// The results of all probes.
pub(crate) struct Results {
    /// The blocked operations, in the order of the probes.
    pub(crate) blocked: Vec<BlockedOperation>,
    /// The number of probes that were skipped because time ran out.
    pub(crate) skipped: usize,
}

/// The result of one chain.
enum ChainResult {
    /// The request may continue, with the review of the mutated object if it was mutated.
    Passed(Option<Vec<u8>>),
    /// The chain blocks the request.
    Blocked(Trace),
}

impl<'a> Guard<'a> {
    /// Creates a guard that starts no probe after the deadline.
    pub(crate) fn new(configuration: &'a Configuration, host: &'a Host, deadline: Instant) -> Self {
        let admission = configuration.admission.iter();
        let admission = admission.filter(|entry| entry.guarded == Guarded::Yes);
        Self {
            host,
            admission: admission.map(|entry| &entry.policy.name).collect(),
            patience: Patience::default(),
            deadline,
        }
    }

    /// Evaluates the probes until the deadline.
    pub(crate) async fn run(mut self, mut probes: &[Probe]) -> Results {
        let mut blocked = Vec::new();
        while let Some((probe, rest)) = probes.split_first() {
            if self.is_out_of_time() {
                break;
            }
            blocked.extend(self.evaluate(probe).await.err().unwrap_or_default());
            probes = rest;
        }
        // Policies that are slow but block nothing pass. A policy that hangs could hide a block.
        if !blocked.is_empty() || self.patience.has_timeouts() {
            blocked.extend(skipped(probes, OUT_OF_TIME));
        }
        Results {
            blocked,
            skipped: probes.len(),
        }
    }

    fn is_out_of_time(&self) -> bool {
        Instant::now() >= self.deadline
    }

    async fn evaluate(&mut self, probe: &Probe) -> Result<(), Vec<BlockedOperation>> {
        match &probe.review {
            Review::Access(spec) => {
                let review = wire::authorization::write_request(spec);
                self.evaluate_plane(probe, Plane::Authorization, &review)
                    .await?;
            }
            Review::Write(write) => self.evaluate_write(probe, write).await?,
        }
        Ok(())
    }

    /// Evaluates the mutating policies, then the validating ones on the object as mutated.
    async fn evaluate_write(
        &mut self,
        probe: &Probe,
        write: &Write,
    ) -> Result<(), Vec<BlockedOperation>> {
        let review = write.review(probe.user);
        let review = review.map_err(|error| unusable(probe, Plane::Mutation, &error))?;
        let mutated = self.evaluate_plane(probe, Plane::Mutation, &review).await?;
        let review = mutated.unwrap_or(review);
        self.evaluate_plane(probe, Plane::Validation, &review)
            .await?;
        Ok(())
    }

    /// Evaluates a chain, repeatedly after transient failures. Returns the review of the mutated
    /// object, if it was mutated.
    async fn evaluate_plane(
        &mut self,
        probe: &Probe,
        plane: Plane,
        review: &[u8],
    ) -> Result<Option<Vec<u8>>, Vec<BlockedOperation>> {
        loop {
            let result = self.evaluate_once(plane, review).await;
            let trace = match result.map_err(|error| unusable(probe, plane, &*error))? {
                ChainResult::Passed(mutated) => return Ok(mutated),
                ChainResult::Blocked(trace) => trace,
            };
            let objections = Objection::from_trace(&trace);
            if self.is_out_of_time() || !self.may_pass_later(plane, &objections) {
                let blocked = |objection| BlockedOperation::new(probe, plane, objection);
                return Err(objections.into_iter().map(blocked).collect());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Returns true if all failures are transient: the machine may be busy compiling or serving.
    fn may_pass_later(&self, plane: Plane, objections: &[Objection]) -> bool {
        let hangs = |policy: &PolicyName| self.patience.is_exhausted(plane, policy);
        objections.iter().all(|objection| {
            objection.cause == Cause::Transient && !objection.policy.as_ref().is_some_and(hangs)
        })
    }

    async fn evaluate_once(
        &mut self,
        plane: Plane,
        review: &[u8],
    ) -> Result<ChainResult, Box<dyn std::error::Error + Send + Sync>> {
        let now = Instant::now();
        let deadline = now.checked_add(CHAIN_TIMEOUT).unwrap_or(now);
        let evaluation = self.evaluate_selected(plane, review, deadline).await?;
        for step in &evaluation.trace.steps {
            self.patience.record(plane, step);
        }
        Ok(into_result(evaluation, review)?)
    }

    /// Evaluates the policies in mode protect, without calls to those that hang.
    async fn evaluate_selected(
        &self,
        plane: Plane,
        review: &[u8],
        deadline: Instant,
    ) -> Result<SelectedEvaluation, EvaluateError> {
        let select = |policy: &PolicyName, mode: Mode| {
            let is_probed = match plane {
                // Certificates and tokens of service accounts are checked before authenticators.
                Plane::Authentication => false,
                Plane::Authorization => true,
                Plane::Mutation | Plane::Validation => self.admission.contains(policy),
            };
            if mode == Mode::Monitor || !is_probed {
                Selected::Omit
            } else if self.patience.is_exhausted(plane, policy) {
                Selected::Fail(Failure::new(FailureKind::Deadline, GIVEN_UP))
            } else {
                Selected::Evaluate
            }
        };
        self.host
            .evaluate_selected(plane, review, deadline, &select)
            .await
    }
}

fn into_result(evaluation: SelectedEvaluation, review: &[u8]) -> Result<ChainResult, ParseError> {
    Ok(match evaluation.decision {
        Ok(
            Decision::Authentication(_)
            | Decision::Authorization(
                authz::Decision::Allow { .. } | authz::Decision::NoOpinion { .. },
            ),
        ) => ChainResult::Passed(None),
        Ok(Decision::Admission(answer)) => match answer.decision {
            admission::Decision::Accept { patch: None } => ChainResult::Passed(None),
            admission::Decision::Accept { patch: Some(patch) } => {
                let review = wire::admission::Review::parse(review)?;
                ChainResult::Passed(Some(review.for_module_with(&patch.object())?))
            }
            admission::Decision::Reject(_) => ChainResult::Blocked(evaluation.trace),
        },
        Ok(Decision::Authorization(authz::Decision::Deny { .. })) | Err(_) => {
            ChainResult::Blocked(evaluation.trace)
        }
    })
}

/// Returns the operations of probes that were not evaluated.
pub(crate) fn skipped(probes: &[Probe], problem: &str) -> Vec<BlockedOperation> {
    let blocked = |probe: &Probe| {
        let plane = match probe.review {
            Review::Access(_) => Plane::Authorization,
            Review::Write(_) => Plane::Mutation,
        };
        BlockedOperation::new(probe, plane, Objection::general(Cause::Transient, problem))
    };
    probes.iter().map(blocked).collect()
}

/// Returns the operation of a probe that is not a valid review.
fn unusable(probe: &Probe, plane: Plane, problem: &dyn std::error::Error) -> Vec<BlockedOperation> {
    let objection = Objection::general(Cause::Policy, problem.to_string());
    vec![BlockedOperation::new(probe, plane, objection)]
}
