//! Tests of traces: the encoding, dropped spans, sampling and timeouts.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use access::trace::{SkipReason, Step};
use access::trace::{StepOutcome, StepVerdict};
use access::{Consequence, Failure, FailureKind, Plane, Timing};
use host::Verdict;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode};

use super::*;
use crate::decision::Origin;
use crate::testing::{evaluation, record};
use crate::trace_parent::TraceParent;

/// Starts a collector that responds to each request with the next of these responses and returns
/// the heads of the requests. After the last response it is unavailable.
fn collector(responses: &'static [&'static str]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, heads) = mpsc::channel();
    thread::spawn(move || {
        for response in responses {
            let mut stream = BufReader::new(listener.accept().unwrap().0);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                assert!(stream.read_line(&mut head).unwrap() > 0, "{head}");
            }
            let (_, length) = head.split_once("content-length: ").unwrap();
            let length = length.lines().next().unwrap().parse().unwrap();
            stream.read_exact(&mut vec![0; length]).unwrap();
            sender.send(head).unwrap();
            stream.get_mut().write_all(response.as_bytes()).unwrap();
        }
    });
    (url, heads)
}

fn open(url: &str, sample_rate: f64) -> Traces {
    let options = Options {
        endpoint: url.parse().unwrap(),
        headers: parse_pairs("authorization=Bearer%20hunter2").unwrap(),
        resource: Vec::new(),
        sample_rate,
    };
    Traces::open(&options).unwrap()
}

fn event(evaluation: &host::Evaluation, parent: Option<TraceParent>) -> DecisionEvent<'_> {
    DecisionEvent {
        origin: Origin::Chain(Plane::Authentication),
        policy: None,
        review: b"{}",
        evaluation,
        status: None,
        arrival: Instant::now(),
        parent,
    }
}

/// Sends a decision of an empty chain: one span.
fn send(traces: &Traces, parent: Option<&str>) {
    let evaluation = evaluation();
    let parent = TraceParent::from_headers(parent.map(str::as_bytes));
    let event = event(&evaluation, parent);
    let elapsed = Duration::from_millis(1);
    traces.send(&event, &Arc::new(Record::new(&event, elapsed)), elapsed);
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn counts_spans_that_the_collector_rejects_and_continues() {
    let (url, heads) = collector(&[
        OK,
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{\"partialSuccess\":{\"rejectedSpans\":\"2\"}}",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwhat",
        "nonsense\r\n\r\n",
        OK,
    ]);
    let traces = open(&url, 1.0);
    for dropped in [0, 1, 3, 3, 4, 4] {
        send(&traces, None);
        traces.flush();
        assert_eq!(traces.dropped_spans(), dropped);
        let head = heads.try_recv().unwrap();
        assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("authorization: Bearer hunter2\r\n"), "{head}");
    }
    send(&traces, None);
    traces.flush();
    assert_eq!(traces.dropped_spans(), 5);
    assert_eq!(traces.shared.pending_spans.load(Ordering::Relaxed), 0);
    assert_eq!(traces.shared.pending_bytes.load(Ordering::Relaxed), 0);
}

#[test]
fn bounds_time_and_memory_when_the_collector_hangs() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let traces = open(&url, 1.0);
    for _ in 0..MAX_PENDING_SPANS + 10 {
        send(&traces, None);
    }
    assert_eq!(traces.dropped_spans(), 10);
    let start = Instant::now();
    traces.flush();
    let waited = start.elapsed();
    assert!(waited < FLUSH_TIMEOUT * 2, "{waited:?}");
    drop(traces);
    assert!(start.elapsed() < FLUSH_TIMEOUT * 2);
}

#[test]
fn the_flag_of_the_caller_overrides_the_sample_rate() {
    let not_recorded = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    for (sample_rate, parent, sent) in [
        (0.0, Some(PARENT), 1),
        (1.0, Some(not_recorded), 0),
        (0.0, None, 0),
        (0.0, Some("nonsense"), 0),
        (1.0, Some("nonsense"), 1),
    ] {
        let (url, heads) = collector(&[OK]);
        let traces = open(&url, sample_rate);
        send(&traces, parent);
        traces.flush();
        assert_eq!(heads.try_iter().count(), sent, "{sample_rate} {parent:?}");
    }
}

#[test]
fn errors_name_an_invalid_header_without_its_value() {
    for headers in ["a b=hunter2", "a=hunter2%0d%0ax"] {
        let options = Options {
            endpoint: "http://127.0.0.1:4318".parse().unwrap(),
            headers: parse_pairs(headers).unwrap(),
            resource: Vec::new(),
            sample_rate: 1.0,
        };
        let error = Traces::open(&options).unwrap_err();
        assert!(!host::error_chain(&error).contains("hunter2"), "{error}");
    }
}

/// A policy that failed, one that allowed in mode monitor, and one that was skipped.
fn steps() -> Vec<Step> {
    let step = |policy: &str, outcome| Step {
        policy: policy.parse().unwrap(),
        outcome,
        notes: Vec::new(),
    };
    let timing = Timing {
        start: Duration::from_micros(10),
        duration: Duration::from_micros(20),
    };
    let failed = StepVerdict::Failed {
        failure: Failure::new(FailureKind::Trap, "it trapped"),
        consequence: Consequence::NoDecision,
    };
    let reason = String::new();
    let allowed = StepVerdict::Allowed { reason };
    let answer = failed;
    let evaluated = StepOutcome::Evaluated {
        timing,
        verdict: answer,
    };
    let answer = allowed;
    let monitored = StepOutcome::Monitored {
        timing,
        verdict: answer,
    };
    vec![
        step("broken", evaluated),
        step("new", monitored),
        step("last", StepOutcome::Skipped(SkipReason::EarlierFailure)),
    ]
}

/// Encodes a decision and decodes it with the types of OpenTelemetry.
fn spans(record: Record) -> Vec<Span> {
    let evaluation = evaluation();
    let parent = TraceParent::from_headers([PARENT.as_bytes()]);
    let event = event(&evaluation, parent);
    let review = Review::new(&event, Arc::new(record), Duration::from_micros(50));
    assert_eq!(review.spans(), 3);
    let resource = spans::resource(&[("k8s.pod.name".to_owned(), "p".to_owned())]);
    let body = spans::request_body(&resource, &[review]).unwrap();
    let request: ExportTraceServiceRequest = serde_json::from_slice(&body).unwrap();

    let [mut spans] = <[_; 1]>::try_from(request.resource_spans).unwrap();
    let attributes = spans.resource.unwrap().attributes;
    assert_eq!(text(&attributes, "service.name"), "k8s-wasm");
    assert_eq!(text(&attributes, "k8s.pod.name"), "p");
    spans.scope_spans.remove(0).spans
}

fn value(attributes: &[KeyValue], key: &str) -> Value {
    let mut attributes = attributes.iter();
    let attribute = attributes.find(|attribute| attribute.key == key).unwrap();
    attribute.value.clone().unwrap().value.unwrap()
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    match value(attributes, key) {
        Value::StringValue(text) => text,
        other => panic!("`{key}` is {other:?}"),
    }
}

#[test]
fn the_types_of_opentelemetry_decode_the_spans() {
    let [root, broken, new] = spans(Record {
        message: "policy `broken` failed".to_owned(),
        steps: steps(),
        ..record(Verdict::Failed)
    })
    .try_into()
    .unwrap();

    assert_eq!(root.kind(), SpanKind::Server);
    assert_eq!(root.name, "k8s-wasm authentication");
    assert_eq!(hex::encode(&root.trace_id), PARENT[3..35]);
    assert_eq!(hex::encode(&root.parent_span_id), PARENT[36..52]);
    assert_eq!(root.flags, 0x301);
    assert_eq!(root.end_time_unix_nano - root.start_time_unix_nano, 50_000);
    assert_eq!(text(&root.attributes, "k8s_wasm.verdict"), "failed");
    assert_eq!(
        value(&root.attributes, "k8s_wasm.policies"),
        Value::IntValue(3)
    );
    assert_eq!(
        value(&root.attributes, "k8s_wasm.sequence"),
        Value::IntValue(1)
    );
    let status = root.status.unwrap();
    assert_eq!(status.code(), StatusCode::Error);
    assert_eq!(status.message, "policy `broken` failed");

    assert_eq!(broken.kind(), SpanKind::Internal);
    assert_eq!(broken.parent_span_id, root.span_id);
    assert_eq!(broken.flags, 0x101);
    assert_eq!(text(&broken.attributes, "error.type"), "trap");
    assert_eq!(
        broken.end_time_unix_nano - broken.start_time_unix_nano,
        20_000
    );
    assert_eq!(text(&new.attributes, "k8s_wasm.mode"), "monitor");
    assert_eq!(text(&new.attributes, "k8s_wasm.verdict"), "allowed");
    assert_eq!(new.status.unwrap().code(), StatusCode::Unset);
}
