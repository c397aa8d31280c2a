//! What is lost and counted, what a collector is told besides spans, and how long it is waited for. What spans look like is tested
//! with a server, in `crates/cli`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use access::{NoDecision, Plane, Trace};
use host::{Evaluation, Reply, Subject};

use super::*;

/// Answers each request with the next of these, and returns the heads of the requests. Then it is away.
fn collector(answers: &'static [&'static str]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, heads) = mpsc::channel();
    thread::spawn(move || {
        for answer in answers {
            let mut stream = BufReader::new(listener.accept().unwrap().0);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                assert!(stream.read_line(&mut head).unwrap() > 0, "{head}");
            }
            let (_, length) = head.split_once("content-length: ").unwrap();
            let length = length.lines().next().unwrap().parse().unwrap();
            stream.read_exact(&mut vec![0; length]).unwrap();
            sender.send(head).unwrap();
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, heads)
}

fn open(url: &str, sample: f64) -> Traces {
    let options = Options {
        endpoint: url.parse().unwrap(),
        headers: pairs("authorization=Bearer%20hunter2").unwrap(),
        resource: Vec::new(),
        sample,
    };
    Traces::open(&options).unwrap()
}

/// Hands over a decision about which nobody was asked: one span.
fn take(traces: &Traces, parent: Option<&str>) {
    let answered = Evaluation {
        uid: None,
        subject: Subject::default(),
        decision: Err(NoDecision::PoliciesFailed("nobody was asked".to_owned())),
        trace: Trace::default(),
        start: Instant::now(),
        reply: Reply::Review(Vec::new()),
    };
    let decided = DecisionEvent {
        plane: Some(Plane::Authentication),
        policy: None,
        review: b"{}",
        answered: &answered,
        status: None,
        arrival: Instant::now(),
        parent: Parent::of(parent.map(str::as_bytes)),
    };
    let elapsed = Duration::from_millis(1);
    traces.take(&decided, Record::of(&decided, elapsed), elapsed);
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

#[test]
fn what_a_collector_refuses_is_lost_and_it_is_asked_again() {
    let (url, heads) = collector(&[
        OK,
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{\"partialSuccess\":{\"rejectedSpans\":\"2\"}}",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwhat",
        "nonsense\r\n\r\n",
        OK,
    ]);
    let traces = open(&url, 1.0);
    for lost in [0, 1, 3, 3, 4, 4] {
        take(&traces, None);
        traces.flush();
        assert_eq!(traces.lost(), lost);
        let head = heads.try_recv().unwrap();
        assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("authorization: Bearer hunter2\r\n"), "{head}");
    }
    take(&traces, None);
    traces.flush();
    assert_eq!(traces.lost(), 5);
    assert_eq!(traces.shared.pending.load(Ordering::Relaxed), 0);
}

#[test]
fn a_collector_that_hangs_holds_up_nobody_and_memory_is_bounded() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let traces = open(&url, 1.0);
    for _ in 0..PENDING_SPANS + 10 {
        take(&traces, None);
    }
    assert_eq!(traces.lost(), 10);
    let begin = Instant::now();
    traces.flush();
    let waited = begin.elapsed();
    assert!(waited < FLUSH_TIMEOUT * 2, "{waited:?}");
    drop(traces);
    assert!(begin.elapsed() < FLUSH_TIMEOUT * 2);
}

#[test]
fn the_flag_of_the_caller_counts_and_not_the_share() {
    let recorded = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let not_recorded = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    for (share, parent, taken) in [
        (0.0, Some(recorded), 1),
        (1.0, Some(not_recorded), 0),
        (0.0, None, 0),
        (0.0, Some("nonsense"), 0),
        (1.0, Some("nonsense"), 1),
    ] {
        let (url, heads) = collector(&[OK]);
        let traces = open(&url, share);
        take(&traces, parent);
        traces.flush();
        assert_eq!(heads.try_iter().count(), taken, "{share} {parent:?}");
    }
}

#[test]
fn a_header_that_is_none_is_told_without_its_value() {
    for headers in ["a b=hunter2", "a=hunter2%0d%0ax"] {
        let options = Options {
            endpoint: "http://127.0.0.1:4318".parse().unwrap(),
            headers: pairs(headers).unwrap(),
            resource: Vec::new(),
            sample: 1.0,
        };
        let error = Traces::open(&options).unwrap_err();
        assert!(!host::error_chain(&error).contains("hunter2"), "{error}");
    }
}
