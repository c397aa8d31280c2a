//! Questions: whether any policy would be asked, and what the policies answer.

use std::time::{Duration, Instant};
use std::{ptr, slice};

use ::host::{EvaluationRequest, Reply, with_causes};
use access::rules::{self, Target};
use observe::DecisionEvent;
use tracing::Instrument;

use crate::buffer::Buffer;
use crate::cancellation::Cancellation;
use crate::guard::{self, Out, Refused};
use crate::open::Host;
use crate::types::{
    Bytes, PLANE_AUTHENTICATION, PLANE_AUTHORIZATION, PLANE_MUTATION, PLANE_VALIDATION, Plane,
    Request, STATUS_BUSY, STATUS_CANCELLED, STATUS_UNDECIDED, Status,
};

/// No call takes longer, whatever the caller says: no client of an API server waits so long.
const TIMEOUT_MAX: Duration = Duration::from_secs(3600);

/// Whether any policy of the plane would be asked about such a request; `request` may be null: about any request. Cheap, so
/// that the caller need not write a review for nobody. Rules are looked at for MUTATION and VALIDATION only: other policies
/// are asked about everything.
///
/// True, too, when an argument cannot be meant: then `k8s_wasm_ask` says what is wrong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_asks(
    host: *const Host,
    plane: Plane,
    request: *const Request,
) -> bool {
    guard::or(true, || {
        // SAFETY: each is null, or leads to what the header says for the length of the call.
        let (host, request) = unsafe { (host.as_ref(), request.as_ref()) };
        let (Some(host), Ok(plane)) = (host, read_plane(plane)) else {
            return true;
        };
        // SAFETY: what its parts point to is lent for the length of the call.
        let Ok(target) = request
            .map(|request| unsafe { request.target() })
            .transpose()
        else {
            return true;
        };
        host.live.current().has_policy_for(plane, target.as_ref())
    })
}

/// Asks the policies of a plane, and waits for their answer on the thread of the caller.
///
/// `review` is a TokenReview, SubjectAccessReview or AdmissionReview, JSON. `timeout_milliseconds` is how long the caller waits;
/// policies have timeouts of their own besides. `cancellation` may be null.
///
/// OK: `answer` is the answered review, JSON, whatever it decides. Otherwise it is a text for the client, which names no secret:
/// REVIEW, UNDECIDED (an authorizer failed and nobody decided, or an admission policy with `failurePolicy: Fail`), BUSY,
/// CANCELLED, ARGUMENT, INTERNAL. An authenticator that failed is told inside of the review, as `status.error`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_ask(
    host: *const Host,
    plane: Plane,
    review: Bytes,
    timeout_milliseconds: u64,
    cancellation: *const Cancellation,
    answer: *mut Buffer,
) -> Status {
    let none = ptr::null();
    // SAFETY: what the caller promises, and no requests.
    unsafe {
        k8s_wasm_ask_again(
            host,
            plane,
            review,
            none,
            0,
            timeout_milliseconds,
            cancellation,
            answer,
        )
    }
}

/// The same about a request that policies of admission were asked about before, when its object was shown in other versions of
/// the API. `already_evaluated` are `asked_before_length` requests: policies whose rules match one of them are left out now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_ask_again(
    host: *const Host,
    plane: Plane,
    review: Bytes,
    already_evaluated: *const Request,
    asked_before_length: usize,
    timeout_milliseconds: u64,
    cancellation: *const Cancellation,
    answer: *mut Buffer,
) -> Status {
    // SAFETY: a buffer of the caller's, or null.
    let answer = unsafe { Out::new(answer) };
    guard::run(&answer, || {
        if answer.is_null() {
            return Err(Refused::argument("`answer` is null"));
        }
        // SAFETY: each is null, or made by this library and not freed yet.
        let (host, cancellation) = unsafe { (host.as_ref(), cancellation.as_ref()) };
        let host = host.ok_or_else(|| Refused::argument("`host` is null"))?;
        let plane = read_plane(plane)?;
        // SAFETY: lent for the length of the call.
        let review = unsafe { review.lent("review") }?;
        // SAFETY: likewise.
        let already_evaluated = unsafe { targets(already_evaluated, asked_before_length) }?;
        let timeout = Duration::from_millis(timeout_milliseconds).min(TIMEOUT_MAX);
        host.log
            .during(|| host.evaluate(plane, review, &already_evaluated, timeout, cancellation))
    })
}

impl Host {
    fn evaluate(
        &self,
        plane: access::Plane,
        review: &[u8],
        already_evaluated: &[Target<'_>],
        timeout: Duration,
        cancellation: Option<&Cancellation>,
    ) -> Result<Vec<u8>, Refused> {
        let arrival = Instant::now();
        let policies = self.live.current();
        let question = EvaluationRequest {
            plane,
            policy: None,
            review,
            already_evaluated,
            deadline: arrival.checked_add(timeout).unwrap_or(arrival),
        };
        let span = tracing::debug_span!("review", plane = plane.as_str());
        let asked = policies.evaluate(question).instrument(span);
        let asked = self.turns.take(asked);
        let answered = self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = Cancellation::cancelled(cancellation) => {
                    self.observer.metrics().record_rejected_request("Cancelled");
                    Err(cancelled())
                }
                answered = asked => Ok(answered),
            }
        })?;
        let answered = answered.map_err(|error| {
            let told = with_causes(&error);
            self.observer
                .metrics()
                .record_rejected_request("BadRequest");
            tracing::info!(plane = plane.as_str(), "refused a review");
            tracing::debug!(told, "what the caller was told");
            Refused::review(told)
        })?;
        self.observer.record(&DecisionEvent {
            plane: Some(plane),
            policy: None,
            review,
            answered: &answered,
            status: None,
            arrival,
            parent: None,
        });
        if let Some(message) = answered.overload() {
            return Err(Refused::new(STATUS_BUSY, message));
        }
        match answered.reply {
            Reply::Review(review) => Ok(review),
            Reply::Failed(message) => Err(Refused::new(STATUS_UNDECIDED, message)),
        }
    }
}

/// Whether an authorizer of the host denies when it fails (`failurePolicy: Deny`). Then whatever k8s_wasm_ask answers about
/// AUTHORIZATION but OK has to count as a denial: another authorizer could allow what that one is there to deny. True for null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn k8s_wasm_vetoes(host: *const Host) -> bool {
    guard::or(true, || {
        // SAFETY: null, or made by `k8s_wasm_open` and not closed yet.
        let host = unsafe { host.as_ref() };
        host.is_none_or(|host| host.live.current().denies_on_failure())
    })
}

fn cancelled() -> Refused {
    Refused::new(
        STATUS_CANCELLED,
        "the request ended before the policies had decided",
    )
}

fn read_plane(plane: Plane) -> Result<access::Plane, Refused> {
    match plane {
        PLANE_AUTHENTICATION => Ok(access::Plane::Authentication),
        PLANE_AUTHORIZATION => Ok(access::Plane::Authorization),
        PLANE_MUTATION => Ok(access::Plane::Mutation),
        PLANE_VALIDATION => Ok(access::Plane::Validation),
        _ => Err(Refused::argument("`plane` is unknown")),
    }
}

/// # Safety
/// They are there, with what they point to, for `'a`, which must not outlast the call.
unsafe fn targets<'a>(requests: *const Request, length: usize) -> Result<Vec<Target<'a>>, Refused> {
    /// More versions than any API has.
    const MAX: usize = 64;
    match (requests.is_null(), length) {
        (_, 0) => Ok(Vec::new()),
        (true, _) => Err(Refused::argument("`already_evaluated` is null")),
        (false, MAX..) => Err(Refused::argument("`asked_before_length` is too large")),
        (false, _) => {
            // SAFETY: promised to this function.
            let requests = unsafe { slice::from_raw_parts(requests, length) };
            // SAFETY: likewise.
            let targets = requests.iter().map(|request| unsafe { request.target() });
            targets.collect()
        }
    }
}

impl Request {
    /// # Safety
    /// What its parts point to is there for `'a`, which must not outlast the call.
    unsafe fn target<'a>(&self) -> Result<Target<'a>, Refused> {
        // SAFETY: promised to this function.
        let word = |bytes: Bytes, what| unsafe { bytes.text(what) };
        Ok(Target {
            operation: rules::operation(word(self.operation, "request.operation")?)
                .ok_or_else(|| Refused::argument("`request.operation` is unknown"))?,
            group: word(self.group, "request.group")?,
            version: word(self.version, "request.version")?,
            resource: word(self.resource, "request.resource")?,
            subresource: word(self.subresource, "request.subresource")?,
            has_namespace: self.namespaced,
        })
    }
}
