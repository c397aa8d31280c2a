//! Spans in the JSON encoding of OTLP 1.x
//! (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>): identifiers are
//! hexadecimal, enumerations are numbers, and 64-bit numbers are strings.
//!
//! Spans contain no tokens, no objects and no texts of policies other than failure messages.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use access::trace::{Step, StepOutcome};
use access::{Mode, Timing};
use host::Verdict;
use serde_json::{Value, json};

use crate::decision::DecisionEvent;
use crate::record::Record;
use crate::trace_parent::TraceParent;

/// `SPAN_KIND_INTERNAL`.
const INTERNAL: u8 = 1;
/// `SPAN_KIND_SERVER`.
const SERVER: u8 = 2;
/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;

/// The W3C flag "sampled".
const SAMPLED: u32 = 1;
/// `SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK`: the flag of a remote parent is valid.
const KNOWS_PARENT: u32 = 0x100;
/// `SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK`: the parent is a span of another process.
const REMOTE_PARENT: u32 = 0x200;

/// A decision of which spans are created.
#[derive(Debug)]
pub(super) struct Review {
    parent: Option<TraceParent>,
    start: SystemTime,
    elapsed: Duration,
    /// The time from the start to the start of the chain, in which the review was read.
    until_chain: Duration,
    record: Arc<Record>,
}

impl Review {
    /// Creates the review of a decision that was made just now.
    pub(super) fn new(event: &DecisionEvent<'_>, record: Arc<Record>, elapsed: Duration) -> Self {
        let now = SystemTime::now();
        let chain = event.evaluation.start;
        Self {
            parent: event.parent,
            start: now.checked_sub(elapsed).unwrap_or(now),
            elapsed,
            until_chain: chain.saturating_duration_since(event.arrival),
            record,
        }
    }

    /// Returns the number of spans: one for the review and one for each call.
    pub(super) fn spans(&self) -> usize {
        let calls = self.record.steps.iter().filter_map(call);
        calls.count().saturating_add(1)
    }

    /// Returns the approximate memory that the record takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.record.size()
    }
}

/// Returns the mode and the timing of a call; none if the policy was skipped.
fn call(step: &Step) -> Option<(&Step, Mode, Timing)> {
    let (mode, timing) = match &step.outcome {
        StepOutcome::Skipped(_) => return None,
        StepOutcome::Evaluated { timing, .. } => (Mode::Protect, timing),
        StepOutcome::Monitored { timing, .. } => (Mode::Monitor, timing),
    };
    Some((step, mode, *timing))
}

/// Returns the OTLP resource that describes this process. Configured attributes override the
/// default ones.
pub(super) fn resource(configured: &[(String, String)]) -> Value {
    let defaults = [
        ("service.name", "k8s-wasm"),
        ("service.version", env!("CARGO_PKG_VERSION")),
    ];
    let is_configured = |key: &str| configured.iter().any(|(other, _)| other == key);
    let defaults = defaults.into_iter().filter(|(key, _)| !is_configured(key));
    let configured = configured.iter().map(|(key, value)| (&**key, &**value));
    let attributes: Vec<_> = defaults.chain(configured).map(string).collect();
    json!({ "attributes": attributes })
}

/// Returns the body of an `ExportTraceServiceRequest`.
///
/// # Errors
/// Returns an error if the operating system provides no random numbers.
pub(super) fn request_body(
    resource: &Value,
    reviews: &[Review],
) -> Result<Vec<u8>, getrandom::Error> {
    let mut spans = Vec::new();
    for review in reviews {
        push_spans(&mut spans, review)?;
    }
    let scope = json!({"name": "k8s-wasm", "version": env!("CARGO_PKG_VERSION")});
    let body = json!({
        "resourceSpans": [{
            "resource": resource,
            "scopeSpans": [{ "scope": scope, "spans": spans }],
        }],
    });
    Ok(body.to_string().into_bytes())
}

/// Adds the span of a review and those of its calls.
fn push_spans(spans: &mut Vec<Value>, review: &Review) -> Result<(), getrandom::Error> {
    let record = &review.record;
    let trace_id = match review.parent {
        Some(parent) => parent.trace_id,
        None => u128::from(getrandom::u64()?) << 64 | u128::from(getrandom::u64()?),
    };
    let trace_id = format!("{trace_id:032x}");
    let span_id = format!("{:016x}", getrandom::u64()?);
    let is_failed = record.verdict == Verdict::Failed;
    let mut root = json!({
        "traceId": trace_id,
        "spanId": span_id,
        "flags": SAMPLED | KNOWS_PARENT,
        "name": format!("k8s-wasm {}", record.plane),
        "kind": SERVER,
        "startTimeUnixNano": nanoseconds(review.start),
        "endTimeUnixNano": nanoseconds(after(review.start, review.elapsed)),
        "attributes": review_attributes(record),
        "status": status(is_failed.then_some(&*record.message)),
    });
    if let (Some(parent), Value::Object(root)) = (review.parent, &mut root) {
        let parent_id = format!("{:016x}", parent.span_id);
        let flags = SAMPLED | KNOWS_PARENT | REMOTE_PARENT;
        root.insert("parentSpanId".to_owned(), parent_id.into());
        root.insert("flags".to_owned(), flags.into());
    }
    spans.push(root);
    let chain = after(review.start, review.until_chain);
    for (step, mode, timing) in record.steps.iter().filter_map(call) {
        let start = after(chain, timing.start);
        let message = step.failure().map(|(failure, _)| &*failure.message);
        spans.push(json!({
            "traceId": trace_id,
            "spanId": format!("{:016x}", getrandom::u64()?),
            "parentSpanId": span_id,
            "flags": SAMPLED | KNOWS_PARENT,
            "name": format!("policy {}", step.policy),
            "kind": INTERNAL,
            "startTimeUnixNano": nanoseconds(start),
            "endTimeUnixNano": nanoseconds(after(start, timing.duration)),
            "attributes": call_attributes(step, mode),
            "status": status(message),
        }));
    }
    Ok(())
}

fn review_attributes(record: &Record) -> Vec<Value> {
    let subject = &record.subject;
    let strings = [
        ("k8s_wasm.plane", record.plane.as_str()),
        ("k8s_wasm.verdict", record.verdict.as_str()),
        ("k8s_wasm.uid", record.uid.as_deref().unwrap_or_default()),
        ("k8s_wasm.user", &subject.user),
        ("k8s_wasm.verb", &subject.verb),
        ("k8s_wasm.resource", &subject.resource),
        ("k8s_wasm.namespace", &subject.namespace),
        ("k8s_wasm.name", &subject.name),
    ];
    let strings = strings.into_iter().filter(|(_, value)| !value.is_empty());
    let mut attributes: Vec<_> = strings.map(string).collect();
    attributes.push(integer("k8s_wasm.policies", &record.steps.len()));
    attributes.push(integer("k8s_wasm.sequence", &record.sequence));
    attributes.push(integer("k8s_wasm.generation", &record.generation));
    if let Some(status) = record.status {
        attributes.push(integer("http.response.status_code", &status));
    }
    attributes
}

fn call_attributes(step: &Step, mode: Mode) -> Vec<Value> {
    let verdict = step.verdict();
    let verdict = verdict.map(|verdict| ("k8s_wasm.verdict", verdict.as_str()));
    let failure = step.failure();
    let kind = failure.map(|(failure, _)| ("error.type", failure.kind.as_str()));
    let strings = [
        ("k8s_wasm.policy", step.policy.as_str()),
        ("k8s_wasm.mode", mode.as_str()),
    ];
    let strings = strings.into_iter().chain(verdict).chain(kind);
    strings.map(string).collect()
}

fn string((key, value): (&str, &str)) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn integer(key: &str, value: &impl ToString) -> Value {
    json!({"key": key, "value": {"intValue": value.to_string()}})
}

/// Returns the status of a span: unset, or an error with its message.
fn status(failure: Option<&str>) -> Value {
    failure.map_or_else(
        || json!({}),
        |message| json!({"code": ERROR, "message": message}),
    )
}

fn after(time: SystemTime, duration: Duration) -> SystemTime {
    time.checked_add(duration).unwrap_or(time)
}

/// Returns nanoseconds since 1970; 0 if the clock is set to an earlier time.
fn nanoseconds(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_nanos().to_string()
}
