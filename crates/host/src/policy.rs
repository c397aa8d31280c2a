//! A loaded policy, and how a chain asks it: envelope in, call, envelope out.

use std::time::{Duration, Instant};

use access::patch::Patch;
use access::{Ask, Asked, Failure, FailureKind, Plane, PolicyName, Timing};
use kubewarden::{Change, Rejection, Verdict};
use wire::RawValue;
use wire::admission::Response;
use wire::review::ParseError;

use crate::host::PolicyInfo;
use crate::{failure, redact};
use config::{Dialect, Policy};

/// A policy that can be asked.
#[derive(Debug)]
pub(crate) struct LoadedPolicy {
    pub(crate) name: PolicyName,
    program: Program,
    timeout: Duration,
    debug: bool,
}

/// What is asked: the one place that knows all dialects.
#[derive(Debug)]
pub(crate) enum Program {
    /// A module of our specification.
    Module(OwnModule),
    /// A Kubewarden policy.
    Kubewarden {
        policy: kubewarden::Policy,
        digest: engine::Digest,
        may_mutate: bool,
        /// What rejections say instead of the policy's own message.
        message: Option<String>,
    },
    /// A group of Kubewarden policies.
    Group(kubewarden::Group),
}

/// A module of our specification with what it is called with.
#[derive(Debug)]
pub(crate) struct OwnModule {
    pub(crate) entry: engine::Entry,
    pub(crate) entry_point: &'static str,
    pub(crate) settings: Option<Box<RawValue>>,
    pub(crate) limits: engine::Limits,
}

impl LoadedPolicy {
    pub(crate) fn new(policy: &Policy, program: Program) -> Self {
        Self {
            name: policy.name.clone(),
            program,
            timeout: policy.timeout,
            debug: policy.debug,
        }
    }

    /// Whether one URL is for what it accepts and what it changes.
    pub(crate) fn is_kubewarden(&self) -> bool {
        !matches!(self.program, Program::Module(_))
    }

    /// When a call that begins now must be over.
    fn deadline(&self, asked: Instant) -> Instant {
        Instant::now()
            .checked_add(self.timeout)
            .map_or(asked, |own| own.min(asked))
    }

    pub(crate) fn info(&self, plane: Plane) -> PolicyInfo {
        PolicyInfo {
            plane,
            name: self.name.clone(),
            digest: match &self.program {
                Program::Module(module) => Some(*module.entry.module().digest()),
                Program::Kubewarden { digest, .. } => Some(*digest),
                Program::Group(_) => None,
            },
            entry_point: match &self.program {
                Program::Module(module) => module.entry_point,
                Program::Kubewarden { policy, .. } => policy.execution_mode().as_str(),
                Program::Group(_) => "group",
            },
            dialect: match &self.program {
                Program::Module(_) => Dialect::Wasi,
                Program::Kubewarden { .. } | Program::Group(_) => Dialect::Kubewarden,
            },
        }
    }

    /// One call of a module: the review in, the answered review out.
    async fn call<A>(
        &self,
        module: &OwnModule,
        review: &[u8],
        deadline: Instant,
        decode: impl FnOnce(&RawValue) -> Result<A, ParseError>,
    ) -> Result<A, Failure> {
        let input = wire::envelope::input(review, module.settings.as_deref());
        if self.debug {
            tracing::debug!(policy = %self.name, review = %redact::review(review), "call");
        }
        let output = module
            .entry
            .call(input, &module.limits, self.deadline(deadline))
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

    /// One question about an object, in whichever dialect.
    async fn admit(&self, review: &[u8], deadline: Instant) -> Result<Response, Failure> {
        if let Program::Module(module) = &self.program {
            let decode = wire::admission::parse_answer;
            return self.call(module, review, deadline, decode).await;
        }
        if self.debug {
            tracing::debug!(policy = %self.name, review = %redact::review(review), "call");
        }
        let request = kubewarden::Request::of_review(review)
            .map_err(|error| Failure::new(FailureKind::Input, error.to_string()))?;
        let answer = self.validate(&request, deadline).await?;
        Ok(answer.into_response(request.uid()))
    }

    /// What a Kubewarden policy or a group says, within what it may.
    pub(crate) async fn validate(
        &self,
        request: &kubewarden::Request,
        deadline: Instant,
    ) -> Result<kubewarden::Validation, Failure> {
        let deadline = self.deadline(deadline);
        match &self.program {
            Program::Module(_) => Err(Failure::new(
                FailureKind::Host,
                "the policy is none of Kubewarden",
            )),
            Program::Group(group) => {
                let answer = group.validate(request, deadline).await;
                answer.map_err(failure::from_kubewarden)
            }
            Program::Kubewarden {
                policy,
                may_mutate,
                message,
                ..
            } => {
                let answer = policy.validate(request, deadline).await;
                let mut answer = answer.map_err(failure::from_kubewarden)?;
                if !may_mutate {
                    answer = constrained(answer, request, &self.name)?;
                }
                Ok(answer.with_message(message.as_deref()))
            }
        }
    }

    /// The module, on planes that know no other dialect.
    fn own_module(&self) -> Result<&OwnModule, Failure> {
        match &self.program {
            Program::Module(module) => Ok(module),
            Program::Kubewarden { .. } | Program::Group(_) => Err(not_asked_here()),
        }
    }
}

fn not_asked_here() -> Failure {
    Failure::new(
        FailureKind::Host,
        "a Kubewarden policy decides about objects only",
    )
}

/// A policy that is not allowed to change objects and does rejects; what is no change is none.
fn constrained(
    answer: kubewarden::Validation,
    request: &kubewarden::Request,
    name: &PolicyName,
) -> Result<kubewarden::Validation, Failure> {
    let Verdict::Accept(Some(change)) = &answer.verdict else {
        return Ok(answer);
    };
    let Some(object) = request.object() else {
        return Ok(answer);
    };
    let patch = match change {
        Change::Object(changed) => Patch::from_full(object, changed.get().as_bytes())?,
        Change::JsonPatch(patch) => Patch::from_json_patch(object, patch)?,
    };
    let verdict = if patch.is_empty() {
        Verdict::Accept(None)
    } else {
        Verdict::Reject(Rejection {
            message: Some(format!(
                "Request rejected by policy {name}. The policy attempted to mutate the request, but it is currently configured to not allow mutations."
            )),
            ..Rejection::default()
        })
    };
    Ok(kubewarden::Validation { verdict, ..answer })
}

/// How a chain asks its policies: by index, before a common deadline.
pub(crate) struct Asker<'a> {
    loaded: &'a [LoadedPolicy],
    deadline: Instant,
    began: Instant,
}

impl<'a> Asker<'a> {
    pub(crate) fn new(loaded: &'a [LoadedPolicy], deadline: Instant) -> Self {
        Self {
            loaded,
            deadline,
            began: Instant::now(),
        }
    }

    /// When the chain began, from which the times of its calls are counted.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// What came of asking the policy at an index, and when.
    async fn timed<A>(
        &self,
        policy: usize,
        ask: impl AsyncFnOnce(&LoadedPolicy) -> Result<A, Failure>,
    ) -> Asked<A> {
        let start = Instant::now();
        let answer = match self.loaded.get(policy) {
            Some(policy) => ask(policy).await,
            None => Err(Failure::new(FailureKind::Host, "the policy is not loaded")),
        };
        Asked {
            answer,
            timing: Timing {
                after: start.saturating_duration_since(self.began),
                elapsed: start.elapsed(),
            },
        }
    }
}

impl Ask<wire::authentication::Status> for Asker<'_> {
    async fn ask(&self, policy: usize, review: &[u8]) -> Asked<wire::authentication::Status> {
        let decode = wire::authentication::parse_answer;
        self.timed(policy, async |policy| {
            let module = policy.own_module()?;
            policy.call(module, review, self.deadline, decode).await
        })
        .await
    }
}

impl Ask<wire::authorization::Status> for Asker<'_> {
    async fn ask(&self, policy: usize, review: &[u8]) -> Asked<wire::authorization::Status> {
        let decode = wire::authorization::parse_answer;
        self.timed(policy, async |policy| {
            let module = policy.own_module()?;
            policy.call(module, review, self.deadline, decode).await
        })
        .await
    }
}

impl Ask<Response> for Asker<'_> {
    async fn ask(&self, policy: usize, review: &[u8]) -> Asked<Response> {
        self.timed(policy, async |policy| {
            policy.admit(review, self.deadline).await
        })
        .await
    }
}
