//! What is written, what is left out, and what becomes of a log whose file goes away.

use std::fs;

use host::{Subject, Verdict};
use serde_json::json;

use super::*;

fn record(verdict: Verdict) -> Record {
    Record {
        sequence: 1,
        time: "2026-01-01T00:00:00Z".to_owned(),
        plane: "authentication".to_owned(),
        policy: None,
        uid: None,
        subject: Subject::default(),
        verdict,
        message: String::new(),
        change: None,
        status: Some(200),
        duration_micros: 7,
        generation: 1,
        steps: Vec::new(),
    }
}

fn log(path: &Path, sample: f64) -> DecisionLog {
    let options = Options {
        target: Target::File(path.to_owned()),
        sample,
        redaction: Redaction::default(),
    };
    DecisionLog::open(options).unwrap()
}

fn write(log: &DecisionLog, verdict: Verdict) {
    let record = record(verdict);
    let review = json!({"kind": "TokenReview", "spec": {"token": "hunter2"}});
    log.write(
        &record,
        &record.to_json().unwrap(),
        review.to_string().as_bytes(),
    );
}

fn lines(path: &Path) -> Vec<Line> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_line_can_be_read_again_and_has_no_token() {
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
fn what_was_handed_over_is_in_the_file_after_a_flush() {
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
fn of_what_is_unremarkable_a_share_is_written_and_of_the_rest_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decisions");
    let log = log(&path, 0.25);
    for _ in 0..8 {
        write(&log, Verdict::Allowed);
        write(&log, Verdict::Denied);
    }
    drop(log);
    let of = |verdict| {
        let lines = lines(&path);
        lines
            .iter()
            .filter(|line| line.record.verdict == verdict)
            .count()
    };
    assert_eq!((of(Verdict::Allowed), of(Verdict::Denied)), (2, 8));
}

#[test]
fn a_file_that_is_moved_away_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decisions");
    let mut appended = Appended::open(path.clone()).unwrap();
    appended.file.write_all(b"1\n").unwrap();
    fs::rename(&path, folder.path().join("decisions.1")).unwrap();
    appended.looked_at = Instant::now().checked_sub(LOOK_PERIOD).unwrap();
    appended.reopen_when_moved().unwrap();
    appended.file.write_all(b"2\n").unwrap();
    appended.file.flush().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "2\n");
    let moved = fs::read_to_string(folder.path().join("decisions.1")).unwrap();
    assert_eq!(moved, "1\n");
}

#[test]
fn a_full_disk_loses_lines_and_counts_them() {
    let log = log(Path::new("/dev/full"), 1.0);
    let shared = Arc::clone(&log.shared);
    for _ in 0..100 {
        write(&log, Verdict::Denied);
    }
    assert!(!log.flush());
    drop(log);
    assert_eq!(shared.lost.load(Ordering::Relaxed), 100);
}

#[test]
fn a_path_that_cannot_be_opened_is_an_error_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        target: Target::File(folder.path().to_owned()),
        sample: 1.0,
        redaction: Redaction::default(),
    };
    assert!(DecisionLog::open(options).is_err());
}
