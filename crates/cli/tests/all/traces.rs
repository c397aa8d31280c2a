//! Traces of a running server, as a collector receives them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use serde_json::Value;

use crate::modules;
use crate::serve::{TestServer, post, post_with};
use crate::test_dir::{ACCESS, TOKEN, TestDir};

const CONFIGURATION: &str = "\
apiVersion: k8s-wasm/v1alpha1
kind: Configuration
authentication:
  modules: [{name: knows, module: knows.wasm}]
authorization:
  modules:
  - {name: broken, module: traps.wasm}
  - {name: sundays, module: denies.wasm}
lockOutGuard: {exempt: [all]}
";

/// The example of W3C Trace Context, sampled and not sampled.
const SAMPLED: &str = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
const NOT_SAMPLED: &str =
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\r\n";

fn test_dir() -> TestDir {
    TestDir::new()
        .with("policies.yaml", CONFIGURATION)
        .with("knows.wasm", modules::knows())
        .with("traps.wasm", modules::traps())
        .with("denies.wasm", modules::denies())
}

/// Starts a collector, and returns its URL and the bodies of the requests for traces.
fn collector() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, bodies) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                assert!(stream.read_line(&mut head).unwrap() > 0, "{head}");
            }
            let head = head.to_lowercase();
            assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
            assert!(head.contains("content-type: application/json"), "{head}");
            let (_, length) = head.split_once("content-length: ").unwrap();
            let length = length.lines().next().unwrap().parse().unwrap();
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
            stream.get_mut().write_all(response.as_bytes()).unwrap();
            sender.send(String::from_utf8(body).unwrap()).unwrap();
        }
    });
    (url, bodies)
}

/// Stops a server, and returns the spans that the collector has received, and their text.
fn spans(mut server: TestServer, bodies: &Receiver<String>) -> (Vec<Value>, String) {
    server.signal("-TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    let bodies: Vec<String> = bodies.try_iter().collect();
    let spans = bodies.iter().flat_map(|body| {
        let body: Value = serde_json::from_str(body).unwrap();
        let [resource] = &body["resourceSpans"].as_array().unwrap()[..] else {
            panic!("{body:#}");
        };
        assert_eq!(attribute(&resource["resource"], "service.name"), "k8s-wasm");
        let spans = resource["scopeSpans"][0]["spans"].as_array();
        spans.unwrap().clone()
    });
    (spans.collect(), bodies.join("\n"))
}

/// Returns an attribute as text, or an empty text if it is absent.
fn attribute<'a>(span: &'a Value, key: &str) -> &'a str {
    let attributes = span["attributes"].as_array().unwrap();
    let found = attributes.iter().find(|attribute| attribute["key"] == key);
    let value = found.map(|attribute| &attribute["value"]);
    value
        .and_then(|value| value["stringValue"].as_str().or(value["intValue"].as_str()))
        .unwrap_or_default()
}

fn find_span<'a>(spans: &'a [Value], name: &str) -> &'a Value {
    let mut found = spans.iter().filter(|span| span["name"] == name);
    let span = found.next();
    assert!(found.next().is_none(), "several spans {name}");
    span.unwrap_or_else(|| panic!("no {name} in {spans:#?}"))
}

fn time(span: &Value, field: &str) -> u64 {
    span[field].as_str().unwrap().parse().unwrap()
}

#[track_caller]
fn assert_child(child: &Value, parent: &Value) {
    assert_eq!(child["traceId"], parent["traceId"]);
    assert_eq!(child["parentSpanId"], parent["spanId"]);
    assert_eq!(child["kind"], 1);
    let (start, end) = ("startTimeUnixNano", "endTimeUnixNano");
    let ordered = [
        time(parent, start),
        time(child, start),
        time(child, end),
        time(parent, end),
    ];
    assert!(ordered.is_sorted(), "{ordered:?}");
}

#[test]
fn review_span_is_child_of_the_api_server_and_parent_of_its_calls() {
    let (url, bodies) = collector();
    let arguments = ["--insecure-plaintext", "--otlp-endpoint", &url];
    let server = TestServer::start(&test_dir(), &arguments);
    post_with(&server.field("address"), "/authz", SAMPLED, ACCESS);
    let (spans, text) = spans(server, &bodies);
    assert_eq!(spans.len(), 3, "{text}");

    let review = find_span(&spans, "k8s-wasm authorization");
    assert_eq!(review["traceId"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(review["parentSpanId"], "b7ad6b7169203331");
    assert_eq!(review["kind"], 2);
    assert!(review["status"]["code"].is_null(), "{review:#}");
    for (key, value) in [
        ("k8s_wasm.plane", "authorization"),
        ("k8s_wasm.verdict", "denied"),
        ("k8s_wasm.policies", "2"),
        ("k8s_wasm.user", "jane"),
        ("k8s_wasm.verb", "list"),
        ("k8s_wasm.resource", "pods"),
        ("k8s_wasm.sequence", "1"),
        ("http.response.status_code", "200"),
    ] {
        assert_eq!(attribute(review, key), value, "{key}");
    }

    let broken = find_span(&spans, "policy broken");
    assert_child(broken, review);
    assert_eq!(attribute(broken, "k8s_wasm.verdict"), "failed");
    assert_eq!(attribute(broken, "error.type"), "trap");
    assert_eq!(broken["status"]["code"], 2);

    let sundays = find_span(&spans, "policy sundays");
    assert_child(sundays, review);
    assert_eq!(attribute(sundays, "k8s_wasm.verdict"), "denied");
    assert!(sundays["status"]["code"].is_null(), "{sundays:#}");
    let after_broken = time(broken, "endTimeUnixNano")..;
    assert!(after_broken.contains(&time(sundays, "startTimeUnixNano")));
}

#[test]
fn samples_by_rate_without_traceparent() {
    for (rate, expected) in [("0", 1), ("1", 3)] {
        let (url, bodies) = collector();
        let arguments = [
            "--insecure-plaintext",
            "--otlp-endpoint",
            &url,
            "--otlp-sample-rate",
            rate,
        ];
        let server = TestServer::start(&test_dir(), &arguments);
        let address = server.field("address");
        post_with(&address, "/authn", SAMPLED, TOKEN);
        post_with(&address, "/authn", NOT_SAMPLED, TOKEN);
        post_with(&address, "/authn", "traceparent: 00-nonsense\r\n", TOKEN);
        post(&address, "/authn", TOKEN);
        let (spans, text) = spans(server, &bodies);
        let reviews = spans.iter().filter(|span| span["kind"] == 2);
        assert_eq!(reviews.count(), expected, "{text}");
        assert!(text.contains("magic-user"), "{text}");
        assert!(!text.contains("magic-token"), "{text}");
    }
}

#[test]
fn decides_while_the_collector_is_unavailable() {
    let unused_address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let url = format!("http://{}", unused_address.unwrap());
    let arguments = [
        "--insecure-plaintext",
        "--otlp-endpoint",
        &url,
        "--otlp-sample-rate",
        "1",
    ];
    let mut server = TestServer::start(&test_dir(), &arguments);
    let response = post(&server.field("address"), "/authn", TOKEN);
    assert!(response.contains("magic-user"), "{response}");
    server.read_log_until("failed to export traces");
    server.signal("-TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}
