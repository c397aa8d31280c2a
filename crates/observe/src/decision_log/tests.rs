//! Tests of the decision log: lines, sampling and lost lines.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use host::Verdict;
use serde_json::json;

use super::*;
use crate::testing::record;

fn log(path: &Path, sample_rate: f64) -> DecisionLog {
    let options = Options {
        target: Target::File(path.to_owned()),
        sample_rate,
        redaction: Redaction::default(),
    };
    DecisionLog::open(options).unwrap()
}

fn write(log: &DecisionLog, verdict: Verdict) {
    let review = json!({"kind": "TokenReview", "spec": {"token": "hunter2"}});
    log.write(&Arc::new(record(verdict)), review.to_string().as_bytes());
}

fn lines(path: &Path) -> Vec<Line> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn writes_lines_that_can_be_read_and_contain_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decisions");
    let log = log(&path, 1.0);
    write(&log, Verdict::Unauthenticated);
    drop(log);
    let [line] = lines(&path).try_into().unwrap();
    assert_eq!(line.record, record(Verdict::Unauthenticated));
    assert!(line.redacted);
    assert_eq!(
        line.review.pointer("/spec/token"),
        Some(&"<redacted>".into())
    );
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o077, 0);
}

#[test]
fn flush_writes_all_queued_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decisions");
    let log = log(&path, 1.0);
    for _ in 0..100 {
        write(&log, Verdict::Denied);
    }
    assert!(log.flush());
    assert_eq!(lines(&path).len(), 100);
}

#[test]
fn samples_unremarkable_decisions_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decisions");
    let log = log(&path, 0.25);
    for _ in 0..8 {
        write(&log, Verdict::Allowed);
        write(&log, Verdict::Denied);
    }
    drop(log);
    let count = |verdict| {
        let lines = lines(&path);
        lines
            .iter()
            .filter(|line| line.record.verdict == verdict)
            .count()
    };
    assert_eq!((count(Verdict::Allowed), count(Verdict::Denied)), (2, 8));
}

#[test]
fn drops_and_counts_lines_when_the_disk_is_full() {
    let log = log(Path::new("/dev/full"), 1.0);
    let shared = Arc::clone(&log.shared);
    for _ in 0..100 {
        write(&log, Verdict::Denied);
    }
    assert!(!log.flush());
    drop(log);
    assert_eq!(shared.dropped.load(Ordering::Relaxed), 100);
}

#[test]
fn fails_to_open_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        target: Target::File(folder.path().to_owned()),
        sample_rate: 1.0,
        redaction: Redaction::default(),
    };
    assert!(DecisionLog::open(options).is_err());
}
