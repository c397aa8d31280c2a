//! The evaluation of reviews, and its cancellation from another thread.

use std::time::{Duration, Instant};
use std::{future, ptr, slice};

use ::host::{Reply, error_chain};
use access::NoDecision;
use access::rules::{self, Target};
use observe::{DecisionEvent, Origin, RejectionReason};
use tokio::sync::watch;
use tracing::Instrument;

use crate::ffi::{self, Buffer, CallError, Output};
use crate::open::Host;
use crate::types::{
    Bytes, PLANE_AUTHENTICATION, PLANE_AUTHORIZATION, PLANE_MUTATION, PLANE_VALIDATION, Plane,
    Request, STATUS_CANCELLED, STATUS_NO_DECISION, STATUS_OVERLOADED, Status,
};

/// The upper bound of a caller's timeout: one hour, longer than any client of an API server waits.
const MAX_TIMEOUT: Duration = Duration::from_secs(3600);

/// The upper bound of `already_evaluated_length`, more than the versions of any API.
const MAX_ALREADY_EVALUATED: usize = 64;

/// A review to evaluate. Optional fields may be zero.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct EvaluationRequest {
    /// The plane whose policies evaluate the review.
    pub plane: Plane,
    /// A TokenReview, SubjectAccessReview or AdmissionReview, JSON.
    pub review: Bytes,
    /// The time that the caller waits, at most one hour. Policies have shorter timeouts of their
    /// own. 0 fails every policy with a timeout.
    pub timeout_milliseconds: u64,
    /// Optional: the same request in the API versions in which it was evaluated before. Admission
    /// policies with a rule that matches one of them are skipped.
    pub already_evaluated: *const Request,
    /// The number of requests in `already_evaluated`, at most 64.
    pub already_evaluated_length: usize,
    /// Optional: ends the evaluation from another thread.
    pub cancellation: *const Cancellation,
}

/// A handle that ends calls from another thread. Cancelling it ends the calls that were given it,
/// and every later one.
pub struct Cancellation(watch::Sender<bool>);

impl Cancellation {
    /// Completes when `cancellation` is cancelled; never if there is none.
    async fn cancelled(cancellation: Option<&Self>) {
        match cancellation {
            // The sender is borrowed, so it outlives the wait.
            Some(Self(sender)) => drop(sender.subscribe().wait_for(|cancelled| *cancelled).await),
            None => future::pending().await,
        }
    }
}

/// Creates a cancellation. Returns null if that fails; null is valid for a call that is not
/// cancelled.
#[unsafe(no_mangle)]
pub extern "C" fn k8s_wasm_cancellation_new() -> *mut Cancellation {
    ffi::run_or(ptr::null_mut(), || {
        Box::into_raw(Box::new(Cancellation(watch::Sender::new(false))))
    })
}

/// Ends the calls that were given the cancellation. May be called on any thread, more than once.
/// Null is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_cancel(cancellation: *const Cancellation) {
    ffi::catch_panic(|| {
        // SAFETY: null, or created by `k8s_wasm_cancellation_new` and not freed yet.
        if let Some(Cancellation(sender)) = unsafe { cancellation.as_ref() } {
            sender.send_replace(true);
        }
    });
}

/// Frees a cancellation after all calls that were given it have returned. Null is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_cancellation_free(cancellation: *mut Cancellation) {
    ffi::catch_panic(|| {
        if !cancellation.is_null() {
            // SAFETY: a box of `k8s_wasm_cancellation_new` that is no longer used.
            drop(unsafe { Box::from_raw(cancellation) });
        }
    });
}

/// Returns whether any policy of the plane would evaluate the request. `request` may be null: any
/// request. It is cheap, so that a caller can avoid writing a review that no policy evaluates. Only
/// MUTATION and VALIDATION have rules; the policies of other planes evaluate every request.
///
/// Returns true if an argument is invalid; `k8s_wasm_evaluate` then reports the error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_has_policy_for(
    host: *const Host,
    plane: Plane,
    request: *const Request,
) -> bool {
    ffi::run_or(true, || {
        // SAFETY: each is null, or valid for the duration of the call.
        let (host, request) = unsafe { (host.as_ref(), request.as_ref()) };
        let (Some(host), Ok(plane)) = (host, parse_plane(plane)) else {
            return true;
        };
        // SAFETY: its bytes are borrowed for the duration of the call.
        let Ok(target) = request
            .map(|request| unsafe { request.target() })
            .transpose()
        else {
            return true;
        };
        host.live.current().has_policy_for(plane, target.as_ref())
    })
}

/// Evaluates a review with the policies of a plane. Blocks the caller's thread until there is a
/// decision.
///
/// OK: `response` is the review with its status or response, JSON, whatever the decision. Otherwise
/// it is a message for the client, without secrets: INVALID_REVIEW, NO_DECISION (an authorization
/// policy failed and no other decided, or an admission policy with `failurePolicy: Fail` failed),
/// OVERLOADED, CANCELLED, INVALID_ARGUMENT, INTERNAL. The failure of an authentication policy is
/// part of the review, as `status.error`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_evaluate(
    host: *const Host,
    request: *const EvaluationRequest,
    response: *mut Buffer,
) -> Status {
    // SAFETY: a buffer of the caller, or null.
    let response = unsafe { Output::new(response) };
    ffi::run(&response, || {
        if response.is_null() {
            return Err(CallError::invalid_argument("`response` is null"));
        }
        // SAFETY: each is null, or valid for the duration of the call.
        let (host, request) = unsafe { (host.as_ref(), request.as_ref()) };
        let host = host.ok_or_else(|| CallError::invalid_argument("`host` is null"))?;
        let request = request.ok_or_else(|| CallError::invalid_argument("`request` is null"))?;
        // SAFETY: its pointers are null or valid for the duration of the call.
        let arguments = unsafe { request.read() }?;
        host.log.during(|| host.evaluate(&arguments))
    })
}

/// Returns whether an authorization policy of the host denies when it fails (`failurePolicy:
/// Deny`). The caller must then treat every status of `k8s_wasm_evaluate` for AUTHORIZATION except
/// OK as a denial; otherwise another authorizer could allow what that policy denies. True for null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_denies_on_failure(host: *const Host) -> bool {
    ffi::run_or(true, || {
        // SAFETY: null, or created by `k8s_wasm_open` and not closed yet.
        let host = unsafe { host.as_ref() };
        host.is_none_or(|host| host.live.current().denies_on_failure())
    })
}

/// The checked arguments of an evaluation.
struct Arguments<'a> {
    plane: access::Plane,
    review: &'a [u8],
    already_evaluated: Vec<Target<'a>>,
    timeout: Duration,
    cancellation: Option<&'a Cancellation>,
}

impl Host {
    fn evaluate(&self, arguments: &Arguments<'_>) -> Result<Vec<u8>, CallError> {
        let arrival = Instant::now();
        let &Arguments { plane, review, .. } = arguments;
        let policies = self.live.current();
        let request = ::host::EvaluationRequest {
            plane,
            policy: None,
            review,
            already_evaluated: &arguments.already_evaluated,
            deadline: arrival.checked_add(arguments.timeout).unwrap_or(arrival),
        };
        let span = tracing::debug_span!("review", plane = plane.as_str());
        let evaluation = policies.evaluate(request).instrument(span);
        let evaluation = self.cpu_permits.run(evaluation);
        let evaluation = self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = Cancellation::cancelled(arguments.cancellation) => Err(self.cancelled()),
                evaluation = evaluation => Ok(evaluation),
            }
        })?;
        let evaluation =
            evaluation.map_err(|error| self.invalid_review(plane, error_chain(&error)))?;
        self.observer.record(&DecisionEvent {
            origin: Origin::Chain(plane),
            policy: None,
            review,
            evaluation: &evaluation,
            status: None,
            arrival,
            parent: None,
        });
        match evaluation.reply {
            Reply::Review(review) => Ok(review),
            Reply::NoDecision(NoDecision::Overloaded(message)) => {
                Err(CallError::new(STATUS_OVERLOADED, message))
            }
            Reply::NoDecision(NoDecision::PoliciesFailed(message)) => {
                Err(CallError::new(STATUS_NO_DECISION, message))
            }
        }
    }

    fn cancelled(&self) -> CallError {
        self.observer
            .record_rejected_request(RejectionReason::Cancelled);
        CallError::new(
            STATUS_CANCELLED,
            "the request ended before the policies had decided",
        )
    }

    fn invalid_review(&self, plane: access::Plane, message: String) -> CallError {
        self.observer
            .record_rejected_request(RejectionReason::BadRequest);
        tracing::info!(plane = plane.as_str(), "rejected review");
        tracing::debug!(message, "reason of the rejection");
        CallError::invalid_review(message)
    }
}

fn parse_plane(plane: Plane) -> Result<access::Plane, CallError> {
    match plane {
        PLANE_AUTHENTICATION => Ok(access::Plane::Authentication),
        PLANE_AUTHORIZATION => Ok(access::Plane::Authorization),
        PLANE_MUTATION => Ok(access::Plane::Mutation),
        PLANE_VALIDATION => Ok(access::Plane::Validation),
        _ => Err(CallError::invalid_argument("`plane` is unknown")),
    }
}

impl EvaluationRequest {
    /// # Safety
    /// Every pointer is null or valid for `'a`, which must not outlive the call.
    unsafe fn read<'a>(&self) -> Result<Arguments<'a>, CallError> {
        Ok(Arguments {
            plane: parse_plane(self.plane)?,
            // SAFETY: guaranteed by the caller.
            review: unsafe { self.review.as_slice("review") }?,
            // SAFETY: guaranteed by the caller.
            already_evaluated: unsafe { self.targets() }?,
            timeout: Duration::from_millis(self.timeout_milliseconds).min(MAX_TIMEOUT),
            // SAFETY: guaranteed by the caller.
            cancellation: unsafe { self.cancellation.as_ref() },
        })
    }

    /// # Safety
    /// As for [`Self::read`].
    unsafe fn targets<'a>(&self) -> Result<Vec<Target<'a>>, CallError> {
        if self.already_evaluated_length == 0 {
            return Ok(Vec::new());
        }
        if self.already_evaluated.is_null() {
            return Err(CallError::invalid_argument("`already_evaluated` is null"));
        }
        if self.already_evaluated_length > MAX_ALREADY_EVALUATED {
            return Err(CallError::invalid_argument(format!(
                "`already_evaluated_length` is greater than {MAX_ALREADY_EVALUATED}"
            )));
        }
        // SAFETY: guaranteed by the caller.
        let requests =
            unsafe { slice::from_raw_parts(self.already_evaluated, self.already_evaluated_length) };
        // SAFETY: guaranteed by the caller.
        let targets = requests.iter().map(|request| unsafe { request.target() });
        targets.collect()
    }
}

impl Request {
    /// # Safety
    /// Its bytes are valid for `'a`, which must not outlive the call.
    unsafe fn target<'a>(&self) -> Result<Target<'a>, CallError> {
        // SAFETY: guaranteed by the caller.
        let text = |bytes: Bytes, name| unsafe { bytes.as_str(name) };
        Ok(Target {
            operation: rules::operation(text(self.operation, "request.operation")?)
                .ok_or_else(|| CallError::invalid_argument("`request.operation` is unknown"))?,
            group: text(self.group, "request.group")?,
            version: text(self.version, "request.version")?,
            resource: text(self.resource, "request.resource")?,
            subresource: text(self.subresource, "request.subresource")?,
            has_namespace: self.namespaced,
        })
    }
}
