//! WASI `poll_oneoff`: clocks and standard streams.

use crate::wasi::{BADF, INVAL, errno, written_by};

/// Polls one subscription at address 128 with userdata 42, and returns the event. It is written at
/// address 512, the number of events at 1024.
fn poll(subscription: &str) -> [u8; 32] {
    let prepare = format!("(i32.store8 (i32.const 128) (i32.const 42)) {subscription}");
    written_by(
        &prepare,
        "poll_oneoff",
        "(param i32 i32 i32 i32)",
        "(i32.const 128) (i32.const 512) (i32.const 1) (i32.const 1024)",
    )
}

#[test]
fn sleeps_for_the_requested_time() {
    let start = std::time::Instant::now();
    let event = poll(
        "(i32.store (i32.const 144) (i32.const 1)) (i64.store (i32.const 152) (i64.const 20000000))",
    );
    assert!(start.elapsed().as_millis() >= 20);
    assert_eq!(event[..11], [42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn does_not_sleep_until_a_time_in_the_past() {
    let event = poll(
        "(i64.store (i32.const 152) (i64.const 1)) (i32.store16 (i32.const 168) (i32.const 1))",
    );
    assert_eq!(event[..8], [42, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn reports_streams_as_ready() {
    let event = poll(
        "(i32.store8 (i32.const 136) (i32.const 1)) (i32.store (i32.const 144) (i32.const 0))",
    );
    assert_eq!(event[8..11], [0, 0, 1]);
    assert_eq!(event[16], 7, "the length of the request");
    let event = poll(
        "(i32.store8 (i32.const 136) (i32.const 2)) (i32.store (i32.const 144) (i32.const 1))",
    );
    assert_eq!(event[8..11], [0, 0, 2]);
}

#[test]
fn reports_an_error_event_for_an_unknown_stream() {
    let event = poll(
        "(i32.store8 (i32.const 136) (i32.const 1)) (i32.store (i32.const 144) (i32.const 9))",
    );
    assert_eq!(i32::from(event[8]), BADF);
}

#[test]
fn rejects_unknown_subscriptions() {
    let kind = "(i32.store8 (i32.const 136) (i32.const 3))";
    assert_eq!(errno(kind, "poll_oneoff", &[128, 512, 1, 1024]), INVAL);
    let clock = "(i32.store (i32.const 144) (i32.const 7))";
    assert_eq!(errno(clock, "poll_oneoff", &[128, 512, 1, 1024]), INVAL);
}
