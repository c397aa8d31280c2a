//! A loaded policy, and how a chain asks it: envelope in, call, envelope out.

use std::time::{Duration, Instant};

use access::{Ask, Asked, Failure, FailureKind, Plane, PolicyName};
use wire::RawValue;
use wire::review::ParseError;

use crate::config::{Dialect, Policy};
use crate::host::PolicyInfo;
use crate::{failure, redact};

/// A policy whose module is compiled and linked.
#[derive(Debug)]
pub(crate) struct LoadedPolicy {
    pub(crate) name: PolicyName,
    entry: engine::Entry,
    entry_point: &'static str,
    digest: engine::Digest,
    settings: Option<Box<RawValue>>,
    timeout: Duration,
    limits: engine::Limits,
    debug: bool,
}

impl LoadedPolicy {
    pub(crate) fn new(
        policy: &Policy,
        module: &engine::Module,
        entry: engine::Entry,
        entry_point: &'static str,
    ) -> Self {
        Self {
            name: policy.name.clone(),
            entry,
            entry_point,
            digest: *module.digest(),
            settings: policy.settings.clone(),
            timeout: policy.timeout,
            limits: policy.limits.clone(),
            debug: policy.debug,
        }
    }

    pub(crate) fn info(&self, plane: Plane) -> PolicyInfo {
        PolicyInfo {
            plane,
            name: self.name.clone(),
            digest: self.digest,
            entry_point: self.entry_point,
            dialect: Dialect::Wasi,
        }
    }

    /// One call: the review in, the answered review out.
    async fn call<A>(
        &self,
        review: &[u8],
        deadline: Instant,
        decode: impl FnOnce(&RawValue) -> Result<A, ParseError>,
    ) -> Result<A, Failure> {
        let input = wire::envelope::input(review, self.settings.as_deref());
        let deadline = Instant::now()
            .checked_add(self.timeout)
            .map_or(deadline, |own| own.min(deadline));
        if self.debug {
            tracing::debug!(policy = %self.name, review = %redact::review(review), "call");
        }
        let output = self
            .entry
            .call(input, &self.limits, deadline)
            .await
            .map_err(|failed| failure::from_call(&failed))?;
        if self.debug {
            tracing::debug!(policy = %self.name, output = %redact::output(review, &output.stdout), "answer");
        }
        if !output.stderr.is_empty() {
            tracing::debug!(policy = %self.name, log = %String::from_utf8_lossy(&output.stderr), "module log");
        }
        let answer = wire::envelope::output(&output.stdout)
            .map_err(|error| failure::from_output(&error, &output.stderr))?;
        decode(answer).map_err(|error| {
            // The parser quotes what it found, which may be a token or the data of a Secret.
            Failure::new(
                FailureKind::Answer,
                "its answer is not the review that was asked",
            )
            .with_detail(error.to_string())
        })
    }
}

/// How a chain asks its policies: by index, before a common deadline.
pub(crate) struct Asker<'a> {
    loaded: &'a [LoadedPolicy],
    deadline: Instant,
}

impl<'a> Asker<'a> {
    pub(crate) fn new(loaded: &'a [LoadedPolicy], deadline: Instant) -> Self {
        Self { loaded, deadline }
    }

    async fn timed<A>(
        &self,
        policy: usize,
        review: &[u8],
        decode: impl FnOnce(&RawValue) -> Result<A, ParseError>,
    ) -> Asked<A> {
        let start = Instant::now();
        let answer = match self.loaded.get(policy) {
            Some(policy) => policy.call(review, self.deadline, decode).await,
            None => Err(Failure::new(FailureKind::Host, "the policy is not loaded")),
        };
        Asked {
            answer,
            elapsed: start.elapsed(),
        }
    }
}

impl Ask<wire::authentication::Status> for Asker<'_> {
    async fn ask(&self, policy: usize, review: &[u8]) -> Asked<wire::authentication::Status> {
        self.timed(policy, review, wire::authentication::parse_answer)
            .await
    }
}

impl Ask<wire::authorization::Status> for Asker<'_> {
    async fn ask(&self, policy: usize, review: &[u8]) -> Asked<wire::authorization::Status> {
        self.timed(policy, review, wire::authorization::parse_answer)
            .await
    }
}

impl Ask<wire::admission::Response> for Asker<'_> {
    async fn ask(&self, policy: usize, review: &[u8]) -> Asked<wire::admission::Response> {
        self.timed(policy, review, wire::admission::parse_answer)
            .await
    }
}
