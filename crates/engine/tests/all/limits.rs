//! Each limit, obeyed and exceeded.

use std::time::Instant;

use engine::{ByteSize, CallError, Limits, Phase};

use crate::support::*;

const ENDLESS: &str = "(loop $again (br $again))";

/// Returns a module that grows its memory by `pages` and traps if that is refused.
fn memory_growth(pages: u32) -> String {
    format!(
        r#"(module
            (memory (export "memory") 1)
            (func (export "run")
                (if (i32.eq (memory.grow (i32.const {pages})) (i32.const -1)) (then unreachable))))"#
    )
}

#[track_caller]
fn exceeds_its_deadline(text: &str) {
    let entry = entry(text);
    let failure = block_on(entry.call("", &Limits::default(), in_ms(50))).unwrap_err();
    assert!(
        matches!(failure.error, CallError::Deadline(Phase::Running)),
        "{failure:?}"
    );
    assert!(failure.stats.run_time < TIMEOUT);
}

/// S4: time, memory, output and concurrency of modules are bounded.
#[test]
fn ends_an_endless_loop_at_the_deadline() {
    exceeds_its_deadline(&format!(r#"(module (func (export "run") {ENDLESS}))"#));
}

#[test]
fn ends_an_endless_loop_in_initialize_at_the_deadline() {
    exceeds_its_deadline(&format!(
        r#"(module (func (export "_initialize") {ENDLESS}) (func (export "run")))"#
    ));
}

#[test]
fn ends_an_endless_loop_in_a_start_section_at_the_deadline() {
    exceeds_its_deadline(&format!(
        r#"(module (func $start {ENDLESS}) (start $start) (func (export "run")))"#
    ));
}

#[test]
fn ends_endless_recursion_by_tail_calls_at_the_deadline() {
    exceeds_its_deadline(r#"(module (func $run (export "run") (return_call $run)))"#);
}

#[test]
fn ends_a_long_sleep_at_the_deadline() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "run")
            (i32.store (i32.const 16) (i32.const 1)) ;; the monotonic clock
            (i64.store (i32.const 24) (i64.const -1)) ;; in some centuries
            (drop (call $poll (i32.const 0) (i32.const 128) (i32.const 1) (i32.const 256)))))"#;
    exceeds_its_deadline(text);
}

#[test]
fn fails_at_once_when_the_deadline_has_passed() {
    let entry = entry(r#"(module (func (export "run")))"#);
    let failure = block_on(entry.call("", &Limits::default(), Instant::now())).unwrap_err();
    assert!(
        matches!(failure.error, CallError::Deadline(Phase::Queued)),
        "{failure:?}"
    );
}

#[test]
fn grants_memory_up_to_the_limit() {
    let limits = Limits {
        memory: ByteSize::mib(1),
        ..Limits::default()
    };
    let output = call_with(&entry(&memory_growth(15)), "", &limits).unwrap();
    assert_eq!(output.stats.memory_peak, ByteSize::mib(1));
}

/// S4: time, memory, output and concurrency of modules are bounded.
#[test]
fn reports_memory_beyond_the_limit() {
    let limits = Limits {
        memory: ByteSize::mib(1),
        ..Limits::default()
    };
    for pages in [16, 65_536, u32::MAX] {
        let error = error(&entry(&memory_growth(pages)), &limits);
        let CallError::Memory {
            limit,
            ended: Some(ended),
        } = error
        else {
            panic!("{error:?}")
        };
        assert_eq!(limit, ByteSize::mib(1));
        assert!(matches!(*ended, CallError::Trap(_)));
    }
}

#[test]
fn succeeds_when_the_module_handles_refused_memory() {
    let entry = entry(
        r#"(module (memory 1) (func (export "run") (drop (memory.grow (i32.const 65535)))))"#,
    );
    assert!(call(&entry).is_ok());
}

#[test]
fn reports_refused_memory_when_the_module_exits() {
    let entry = entry_with_stdio(
        r#"(func (export "run")
            (drop (memory.grow (i32.const 65535)))
            (call $proc_exit (i32.const 101)))"#,
    );
    let error = error(&entry, &Limits::default());
    let CallError::Memory {
        ended: Some(ended), ..
    } = error
    else {
        panic!("{error:?}")
    };
    assert!(matches!(*ended, CallError::Exit(101)));
}

#[test]
fn does_not_start_a_module_with_more_initial_memory_than_the_limit() {
    let limits = Limits {
        memory: ByteSize::kib(64),
        ..Limits::default()
    };
    let error = error(
        &entry(r#"(module (memory 2) (func (export "run")))"#),
        &limits,
    );
    let CallError::Memory { limit, ended: None } = error else {
        panic!("{error:?}")
    };
    assert_eq!(limit, ByteSize::kib(64));
}

#[test]
fn caps_the_memory_limit_at_that_of_the_engine() {
    let limits = Limits {
        memory: ByteSize::gib(4),
        ..Limits::default()
    };
    let error = error(&entry(&memory_growth(1024)), &limits);
    assert!(matches!(error, CallError::Memory { limit, .. } if limit == ByteSize::mib(64)));
}

/// Returns a module with two tables of a hundred elements, one of which grows by `elements`.
fn table_growth(elements: u32) -> String {
    format!(
        r#"(module
            (table $a 100 funcref)
            (table $b 100 funcref)
            (func (export "run")
                (if (i32.eq (table.grow $b (ref.null func) (i32.const {elements})) (i32.const -1))
                    (then unreachable))))"#
    )
}

#[test]
fn grants_tables_up_to_the_limit_of_their_sum() {
    let limits = Limits {
        table_elements: 300,
        ..Limits::default()
    };
    assert!(call_with(&entry(&table_growth(100)), "", &limits).is_ok());
}

#[test]
fn reports_tables_beyond_the_limit_of_their_sum() {
    let limits = Limits {
        table_elements: 300,
        ..Limits::default()
    };
    for elements in [101, u32::MAX] {
        let error = error(&entry(&table_growth(elements)), &limits);
        assert!(
            matches!(
                error,
                CallError::Table {
                    limit: 300,
                    ended: Some(_)
                }
            ),
            "{error:?}"
        );
    }
}

#[test]
fn does_not_start_a_module_with_larger_initial_tables_than_the_limit() {
    let limits = Limits {
        table_elements: 199,
        ..Limits::default()
    };
    let error = error(&entry(&table_growth(0)), &limits);
    assert!(
        matches!(
            error,
            CallError::Table {
                limit: 199,
                ended: None
            }
        ),
        "{error:?}"
    );
}

#[test]
fn accepts_a_request_of_the_maximum_size() {
    let limits = Limits {
        stdin: ByteSize::from_bytes(5),
        ..Limits::default()
    };
    let echo = entry_with_stdio(
        r#"(func (export "run") (call $write (i32.const 1) (i32.const 64) (call $read (i32.const 64) (i32.const 100))))"#,
    );
    assert_eq!(response(&echo, "12345", &limits), "12345");
}

#[test]
fn rejects_a_larger_request_without_a_call() {
    let limits = Limits {
        stdin: ByteSize::from_bytes(5),
        ..Limits::default()
    };
    let failure = call_with(
        &entry(r#"(module (func (export "run")))"#),
        "123456",
        &limits,
    )
    .unwrap_err();
    assert!(
        matches!(failure.error, CallError::InputTooLarge { .. }),
        "{failure:?}"
    );
}

/// Returns the body of a module that writes `count` KiB to a stream.
fn write_kib(fd: u32, count: u32) -> String {
    format!(
        r#"(func (export "run") (local $n i32)
            (loop $again
                (call $write (i32.const {fd}) (i32.const 64) (i32.const 1024))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $n) (i32.const {count})))))"#
    )
}

#[test]
fn accepts_output_of_the_maximum_size() {
    let limits = Limits {
        stdout: ByteSize::kib(10),
        ..Limits::default()
    };
    assert_eq!(
        response(&entry_with_stdio(&write_kib(1, 10)), "", &limits).len(),
        10 << 10
    );
}

/// S4: time, memory, output and concurrency of modules are bounded.
#[test]
fn fails_when_the_output_exceeds_the_limit() {
    let limits = Limits {
        stdout: ByteSize::kib(10),
        ..Limits::default()
    };
    for count in [11, u32::MAX] {
        let error = error(&entry_with_stdio(&write_kib(1, count)), &limits);
        assert!(matches!(error, CallError::OutputTooLarge { limit } if limit == ByteSize::kib(10)));
    }
}

#[test]
fn keeps_a_log_of_the_maximum_size() {
    let limits = Limits {
        stderr: ByteSize::kib(10),
        ..Limits::default()
    };
    let output = call_with(&entry_with_stdio(&write_kib(2, 10)), "", &limits).unwrap();
    assert_eq!(output.stderr.len(), 10 << 10);
}

/// S4: time, memory, output and concurrency of modules are bounded.
#[test]
fn truncates_a_longer_log_and_continues_the_call() {
    let limits = Limits {
        stderr: ByteSize::kib(10),
        ..Limits::default()
    };
    let output = call_with(&entry_with_stdio(&write_kib(2, 5000)), "", &limits).unwrap();
    assert!(output.stderr.len() < 11 << 10);
    let end = String::from_utf8_lossy(&output.stderr[10 << 10..]).into_owned();
    assert_eq!(end, "\n[the rest of the log was dropped]\n");
}

#[test]
fn traps_on_stack_overflow() {
    let entry = entry(r#"(module (func $deep (export "run") (call $deep) (call $deep)))"#);
    let error = error(&entry, &Limits::default());
    let CallError::Trap(trap) = error else {
        panic!("{error:?}")
    };
    assert!(trap.message.contains("call stack exhausted"), "{trap}");
    assert!(trap.backtrace.frames.len() <= 20);
}
