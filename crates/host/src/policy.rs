//! Loaded policies, and the calls of their modules.

use std::time::{Duration, Instant};

use access::{
    Evaluate, Evaluated, Failure, FailureKind, Plane, PolicyName, PolicyReview, Timing, patch,
    redact,
};
use kubewarden::{Change, ExecutionMode, Rejection, Verdict};
use wire::admission::{PatchType, Response};
use wire::review::ParseError;
use wire::{EntryPoint, RawValue, authentication, authorization};

use crate::failure;
use config::{Policy, Protocol};

/// A policy that can be evaluated. `M` is the type of programs that its plane supports.
#[derive(Debug)]
pub(crate) struct LoadedPolicy<M> {
    name: PolicyName,
    program: M,
    timeout: Duration,
    debug: bool,
}

/// A module of the project's own specification, and the parameters of its calls.
#[derive(Debug)]
pub(crate) struct NativeModule {
    pub(crate) entry: engine::Entry,
    pub(crate) entry_point: EntryPoint,
    pub(crate) settings: Option<Box<RawValue>>,
    pub(crate) limits: engine::Limits,
}

/// The program of an admission policy.
#[derive(Debug)]
pub(crate) enum AdmissionProgram {
    /// A module of the project's own specification.
    Module(NativeModule),
    /// A Kubewarden policy or group.
    Kubewarden(KubewardenProgram),
}

/// A Kubewarden policy, or a group of them.
#[derive(Debug)]
pub(crate) enum KubewardenProgram {
    /// One policy.
    Policy(KubewardenPolicy),
    /// A group of policies. It never mutates.
    Group(kubewarden::Group),
}

/// A Kubewarden policy and its part of the configuration.
#[derive(Debug)]
pub(crate) struct KubewardenPolicy {
    pub(crate) policy: kubewarden::Policy,
    pub(crate) digest: engine::Digest,
    pub(crate) may_mutate: bool,
    /// The message of rejections, instead of the policy's own.
    pub(crate) message: Option<String>,
}

/// The data that all calls of one evaluation share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallContext {
    deadline: Instant,
    start: Instant,
}

/// A summary of a loaded policy.
#[derive(Debug, Clone)]
pub struct PolicyInfo {
    /// The plane of the policy.
    pub plane: Plane,
    /// The name of the policy.
    pub name: PolicyName,
    /// The digest of the module; a group has none.
    pub digest: Option<engine::Digest>,
    /// The entry point that is called.
    pub entry_point: PolicyEntryPoint,
    /// The protocol of the module.
    pub protocol: Protocol,
}

/// The entry point of a loaded policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyEntryPoint {
    /// An exported function of the project's own specification.
    Function(EntryPoint),
    /// A Kubewarden policy in its execution mode.
    Kubewarden(ExecutionMode),
    /// A Kubewarden policy group, whose members have execution modes of their own.
    Group,
}

impl PolicyEntryPoint {
    /// Returns the name of the function or execution mode, or `group`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Function(entry_point) => entry_point.as_str(),
            Self::Kubewarden(mode) => mode.as_str(),
            Self::Group => "group",
        }
    }
}

impl CallContext {
    /// Creates the context of an evaluation that starts now.
    pub(crate) fn new(deadline: Instant) -> Self {
        Self {
            deadline,
            start: Instant::now(),
        }
    }

    /// Returns the start of the evaluation, which the timing of its calls refers to.
    pub(crate) fn start(&self) -> Instant {
        self.start
    }

    /// Measures a call.
    async fn measure<A>(&self, call: impl Future<Output = Result<A, Failure>>) -> Evaluated<A> {
        let start = Instant::now();
        let response = call.await;
        Evaluated {
            response,
            timing: Timing {
                start: start.saturating_duration_since(self.start),
                duration: start.elapsed(),
            },
        }
    }
}

impl<M> LoadedPolicy<M> {
    pub(crate) fn new(policy: &Policy, program: M) -> Self {
        Self {
            name: policy.name.clone(),
            program,
            timeout: policy.timeout,
            debug: policy.debug,
        }
    }

    /// Returns the name of the policy.
    pub(crate) fn name(&self) -> &PolicyName {
        &self.name
    }

    pub(crate) fn program(&self) -> &M {
        &self.program
    }

    /// Returns the deadline of a call that starts now.
    fn deadline(&self, context: &CallContext) -> Instant {
        Instant::now()
            .checked_add(self.timeout)
            .map_or(context.deadline, |timeout| timeout.min(context.deadline))
    }

    /// Calls a module: passes the review and parses the response.
    async fn call<A>(
        &self,
        module: &NativeModule,
        review: &[u8],
        context: &CallContext,
        parse: impl FnOnce(&RawValue) -> Result<A, ParseError>,
    ) -> Result<A, Failure> {
        let input = wire::envelope::input(review, module.settings.as_deref());
        self.log_review(review);
        let output = module
            .entry
            .call(input, &module.limits, self.deadline(context))
            .await
            .map_err(|failed| failure::from_call(&failed))?;
        if self.debug {
            let output = redact::output(review, &output.stdout);
            tracing::debug!(policy = %self.name, %output, "module returned");
        }
        if !output.stderr.is_empty() {
            let log = String::from_utf8_lossy(&output.stderr);
            tracing::debug!(policy = %self.name, %log, "module log");
        }
        let response = wire::envelope::output(&output.stdout)
            .map_err(|error| failure::from_output(&error, &output.stderr))?;
        parse(response).map_err(|error| {
            // The parser quotes its input, which may be a token or the data of a Secret.
            Failure::new(
                FailureKind::Response,
                "the response is not a review of the requested kind",
            )
            .with_detail(error.to_string())
        })
    }

    /// Logs the redacted review of a call if the policy has `debug: true`.
    fn log_review(&self, review: &[u8]) {
        if self.debug {
            let review = redact::review(review);
            tracing::debug!(policy = %self.name, %review, "calling module");
        }
    }
}

impl LoadedPolicy<NativeModule> {
    pub(crate) fn info(&self, plane: Plane) -> PolicyInfo {
        self.program.info(plane, &self.name)
    }
}

impl NativeModule {
    fn info(&self, plane: Plane, name: &PolicyName) -> PolicyInfo {
        PolicyInfo {
            plane,
            name: name.clone(),
            digest: Some(*self.entry.module().digest()),
            entry_point: PolicyEntryPoint::Function(self.entry_point),
            protocol: Protocol::Wasi,
        }
    }
}

impl LoadedPolicy<AdmissionProgram> {
    pub(crate) fn info(&self, plane: Plane) -> PolicyInfo {
        let program = match &self.program {
            AdmissionProgram::Module(module) => return module.info(plane, &self.name),
            AdmissionProgram::Kubewarden(program) => program,
        };
        let (digest, entry_point) = match program {
            KubewardenProgram::Policy(policy) => (
                Some(policy.digest),
                PolicyEntryPoint::Kubewarden(policy.policy.execution_mode()),
            ),
            KubewardenProgram::Group(_) => (None, PolicyEntryPoint::Group),
        };
        PolicyInfo {
            plane,
            name: self.name.clone(),
            digest,
            entry_point,
            protocol: Protocol::Kubewarden,
        }
    }

    /// Evaluates a Kubewarden policy or group on a request.
    pub(crate) async fn evaluate_request(
        &self,
        program: &KubewardenProgram,
        request: &kubewarden::Request,
        context: &CallContext,
    ) -> Evaluated<Response> {
        context
            .measure(self.validate(program, request, context))
            .await
    }

    async fn validate(
        &self,
        program: &KubewardenProgram,
        request: &kubewarden::Request,
        context: &CallContext,
    ) -> Result<Response, Failure> {
        let deadline = self.deadline(context);
        let validation = match program {
            KubewardenProgram::Group(group) => {
                let validation = group.validate(request, deadline).await;
                validation.map_err(failure::from_kubewarden)?
            }
            KubewardenProgram::Policy(policy) => {
                let validation = policy.policy.validate(request, deadline).await;
                let mut validation = validation.map_err(failure::from_kubewarden)?;
                if !policy.may_mutate {
                    validation = reject_if_mutating(validation, request, &self.name)?;
                }
                validation.with_message(policy.message.as_deref())
            }
        };
        Ok(validation.into_response(request.uid()))
    }
}

/// Rejects the request if the policy changes the object although it is not allowed to.
fn reject_if_mutating(
    validation: kubewarden::Validation,
    request: &kubewarden::Request,
    name: &PolicyName,
) -> Result<kubewarden::Validation, Failure> {
    let (Verdict::Accept(Some(change)), Some(object)) = (&validation.verdict, request.object())
    else {
        return Ok(validation);
    };
    let (patch_type, patch) = match change {
        Change::Object(changed) => (PatchType::Full, changed.get().as_bytes()),
        Change::JsonPatch(patch) => (PatchType::JsonPatch, patch.as_slice()),
    };
    let verdict = if patch::changes_object(object, patch_type, patch)? {
        // The message of policy-server.
        Verdict::Reject(Rejection {
            message: Some(format!(
                "Request rejected by policy {name}. The policy attempted to mutate the request, \
                 but it is currently configured to not allow mutations."
            )),
            ..Rejection::default()
        })
    } else {
        Verdict::Accept(None)
    };
    Ok(kubewarden::Validation {
        verdict,
        ..validation
    })
}

impl Evaluate<authentication::Status> for LoadedPolicy<NativeModule> {
    type Context = CallContext;
    type Parsed = ();

    async fn evaluate(
        &self,
        review: &PolicyReview<'_, ()>,
        context: &CallContext,
    ) -> Evaluated<authentication::Status> {
        let parse = authentication::parse_response;
        let call = self.call(&self.program, review.json(), context, parse);
        context.measure(call).await
    }
}

impl Evaluate<authorization::Status> for LoadedPolicy<NativeModule> {
    type Context = CallContext;
    type Parsed = ();

    async fn evaluate(
        &self,
        review: &PolicyReview<'_, ()>,
        context: &CallContext,
    ) -> Evaluated<authorization::Status> {
        let parse = authorization::parse_response;
        let call = self.call(&self.program, review.json(), context, parse);
        context.measure(call).await
    }
}

impl Evaluate<Response> for LoadedPolicy<AdmissionProgram> {
    type Context = CallContext;
    /// The request as Kubewarden policies see it.
    type Parsed = Result<kubewarden::Request, Failure>;

    async fn evaluate(
        &self,
        review: &PolicyReview<'_, Self::Parsed>,
        context: &CallContext,
    ) -> Evaluated<Response> {
        let parse = wire::admission::parse_response;
        match &self.program {
            AdmissionProgram::Module(module) => {
                let call = self.call(module, review.json(), context, parse);
                context.measure(call).await
            }
            AdmissionProgram::Kubewarden(program) => {
                let call = async {
                    self.log_review(review.json());
                    let request = review.parsed(kubewarden_request);
                    let request = request.as_ref().map_err(Failure::clone)?;
                    self.validate(program, request, context).await
                };
                context.measure(call).await
            }
        }
    }
}

fn kubewarden_request(review: &[u8]) -> Result<kubewarden::Request, Failure> {
    kubewarden::Request::from_review(review)
        .map_err(|error| Failure::new(FailureKind::Input, error.to_string()))
}
