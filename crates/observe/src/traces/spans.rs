//! Spans in the JSON encoding of OTLP 1.x (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>): identifiers are
//! hexadecimal, enumerations are numbers, and numbers of 64 bits are texts.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::review::{Call, Review};

/// `SPAN_KIND_INTERNAL`.
const INTERNAL: u8 = 1;
/// `SPAN_KIND_SERVER`.
const SERVER: u8 = 2;
/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;

/// The flag of W3C: sampled.
const SAMPLED: u32 = 1;
/// `SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK`: it is known whether the parent is of another process.
const KNOWS_PARENT: u32 = 0x100;
/// `SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK`: it is.
const REMOTE_PARENT: u32 = 0x200;

/// What is told of this process: a resource of OTLP.
pub(super) fn resource(more: &[(String, String)]) -> Value {
    let ours = [
        ("service.name", "k8s-wasm"),
        ("service.version", env!("CARGO_PKG_VERSION")),
    ];
    let is_new = |key: &str| more.iter().all(|(other, _)| other != key);
    let ours = ours.into_iter().filter(|(key, _)| is_new(key));
    let more = more.iter().map(|(key, value)| (&**key, &**value));
    let attributes: Vec<_> = ours.chain(more).map(text).collect();
    json!({ "attributes": attributes })
}

/// The body of a request.
///
/// # Errors
/// There are no random numbers to be had.
pub(super) fn body(resource: &Value, reviews: &[Review]) -> Result<Vec<u8>, getrandom::Error> {
    let mut spans = Vec::new();
    for review in reviews {
        add(&mut spans, review)?;
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
fn add(spans: &mut Vec<Value>, review: &Review) -> Result<(), getrandom::Error> {
    let trace_id = match review.parent {
        Some(parent) => parent.trace_id,
        None => u128::from(getrandom::u64()?) << 64 | u128::from(getrandom::u64()?),
    };
    let trace_id = format!("{trace_id:032x}");
    let span_id = format!("{:016x}", getrandom::u64()?);
    let mut root = json!({
        "traceId": trace_id,
        "spanId": span_id,
        "flags": SAMPLED | KNOWS_PARENT,
        "name": format!("k8s-wasm {}", review.record.plane),
        "kind": SERVER,
        "startTimeUnixNano": nanoseconds(review.begin),
        "endTimeUnixNano": nanoseconds(after(review.begin, review.elapsed)),
        "attributes": of_review(review),
        "status": status(review.failure.as_deref()),
    });
    if let (Some(parent), Value::Object(root)) = (review.parent, &mut root) {
        let parent_id = format!("{:016x}", parent.span_id);
        let flags = SAMPLED | KNOWS_PARENT | REMOTE_PARENT;
        root.insert("parentSpanId".to_owned(), parent_id.into());
        root.insert("flags".to_owned(), flags.into());
    }
    spans.push(root);
    let chain = after(review.begin, review.until_chain);
    for call in &review.calls {
        let begin = after(chain, call.timing.start);
        let failure = call.failure.as_ref();
        spans.push(json!({
            "traceId": trace_id,
            "spanId": format!("{:016x}", getrandom::u64()?),
            "parentSpanId": span_id,
            "flags": SAMPLED | KNOWS_PARENT,
            "name": format!("policy {}", call.policy),
            "kind": INTERNAL,
            "startTimeUnixNano": nanoseconds(begin),
            "endTimeUnixNano": nanoseconds(after(begin, call.timing.duration)),
            "attributes": of_call(call),
            "status": status(failure.map(|failure| &*failure.message)),
        }));
    }
    Ok(())
}

fn of_review(review: &Review) -> Vec<Value> {
    let record = &review.record;
    let subject = &record.subject;
    let texts = [
        ("k8s_wasm.plane", &*record.plane),
        ("k8s_wasm.verdict", record.verdict.as_str()),
        ("k8s_wasm.uid", record.uid.as_deref().unwrap_or_default()),
        ("k8s_wasm.user", &subject.user),
        ("k8s_wasm.verb", &subject.verb),
        ("k8s_wasm.resource", &subject.resource),
        ("k8s_wasm.namespace", &subject.namespace),
        ("k8s_wasm.name", &subject.name),
    ];
    let is_told = |(_, value): &(&str, &str)| !value.is_empty();
    let mut attributes: Vec<_> = texts.into_iter().filter(is_told).map(text).collect();
    attributes.push(number("k8s_wasm.policies", &review.policies));
    attributes.push(number("k8s_wasm.decision", &record.sequence));
    attributes.push(number("k8s_wasm.generation", &record.generation));
    if let Some(status) = record.status {
        attributes.push(number("http.response.status_code", &status));
    }
    attributes
}

fn of_call(call: &Call) -> Vec<Value> {
    let failure = call.failure.as_ref();
    let kind = failure.map(|failure| ("error.type", failure.kind.as_str()));
    let texts = [
        ("k8s_wasm.policy", call.policy.as_str()),
        ("k8s_wasm.mode", call.mode.as_str()),
        ("k8s_wasm.answer", call.answer),
    ];
    texts.into_iter().chain(kind).map(text).collect()
}

fn text((key, value): (&str, &str)) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn number(key: &str, value: &impl ToString) -> Value {
    json!({"key": key, "value": {"intValue": value.to_string()}})
}

/// A status is only set for what failed.
fn status(failure: Option<&str>) -> Value {
    failure.map_or_else(
        || json!({}),
        |message| json!({"code": ERROR, "message": message}),
    )
}

fn after(time: SystemTime, duration: Duration) -> SystemTime {
    time.checked_add(duration).unwrap_or(time)
}

/// A clock of before 1970 is wrong anyway.
fn nanoseconds(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_nanos().to_string()
}
