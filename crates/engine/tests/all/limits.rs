//! Each limit, obeyed and violated.

use std::time::Instant;

use engine::{ByteSize, CallError, Limits, Phase};

use crate::support::*;

const ENDLESS: &str = "(loop $again (br $again))";

/// Grows the first memory by so many pages and traps when that is refused.
fn grows_memory(pages: u32) -> String {
    format!(
        r#"(module
            (memory (export "memory") 1)
            (func (export "run")
                (if (i32.eq (memory.grow (i32.const {pages})) (i32.const -1)) (then unreachable))))"#
    )
}

#[track_caller]
fn runs_into_its_deadline(text: &str) {
    let entry = entry(text);
    let failed = block_on(entry.call("", &Limits::default(), in_ms(50))).unwrap_err();
    assert!(
        matches!(failed.error, CallError::Deadline(Phase::Running)),
        "{failed:?}"
    );
    assert!(failed.stats.ran < PATIENCE);
}

/// S4: time, memory, output and concurrency of modules are bounded.
#[test]
fn ends_an_endless_loop_at_the_deadline() {
    runs_into_its_deadline(&format!(r#"(module (func (export "run") {ENDLESS}))"#));
}

#[test]
fn ends_an_endless_loop_in_initialize_at_the_deadline() {
    runs_into_its_deadline(&format!(
        r#"(module (func (export "_initialize") {ENDLESS}) (func (export "run")))"#
    ));
}

#[test]
fn ends_an_endless_loop_in_a_start_section_at_the_deadline() {
    runs_into_its_deadline(&format!(
        r#"(module (func $start {ENDLESS}) (start $start) (func (export "run")))"#
    ));
}

#[test]
fn ends_endless_recursion_by_tail_calls_at_the_deadline() {
    runs_into_its_deadline(r#"(module (func $run (export "run") (return_call $run)))"#);
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
    runs_into_its_deadline(text);
}

#[test]
fn a_deadline_in_the_past_fails_at_once() {
    let entry = entry(r#"(module (func (export "run")))"#);
    let failed = block_on(entry.call("", &Limits::default(), Instant::now())).unwrap_err();
    assert!(
        matches!(failed.error, CallError::Deadline(Phase::Waiting)),
        "{failed:?}"
    );
}

#[test]
fn memory_up_to_the_limit_is_granted() {
    let limits = Limits {
        memory: ByteSize::mib(1),
        ..Limits::default()
    };
    let output = call_with(&entry(&grows_memory(15)), "", &limits).unwrap();
    assert_eq!(output.stats.memory_peak, ByteSize::mib(1));
}

/// S4: time, memory, output and concurrency of modules are bounded.
#[test]
fn memory_beyond_the_limit_is_named_as_the_reason() {
    let limits = Limits {
        memory: ByteSize::mib(1),
        ..Limits::default()
    };
    for pages in [16, 65_536, u32::MAX] {
        let error = fails(&entry(&grows_memory(pages)), &limits);
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
fn a_module_that_lives_without_the_memory_it_asked_for_succeeds() {
    let entry = entry(
        r#"(module (memory 1) (func (export "run") (drop (memory.grow (i32.const 65535)))))"#,
    );
    assert!(call(&entry).is_ok());
}

#[test]
fn an_exit_code_after_refused_memory_names_the_memory() {
    let entry = stdio(
        r#"(func (export "run")
            (drop (memory.grow (i32.const 65535)))
            (call $proc_exit (i32.const 101)))"#,
    );
    let error = fails(&entry, &Limits::default());
    let CallError::Memory {
        ended: Some(ended), ..
    } = error
    else {
        panic!("{error:?}")
    };
    assert!(matches!(*ended, CallError::Exit(101)));
}

#[test]
fn a_module_that_begins_with_more_memory_than_the_call_may_have_is_not_started() {
    let limits = Limits {
        memory: ByteSize::kib(64),
        ..Limits::default()
    };
    let error = fails(
        &entry(r#"(module (memory 2) (func (export "run")))"#),
        &limits,
    );
    let CallError::Memory { limit, ended: None } = error else {
        panic!("{error:?}")
    };
    assert_eq!(limit, ByteSize::kib(64));
}

#[test]
fn memory_limits_beyond_the_pool_are_those_of_the_pool() {
    let limits = Limits {
        memory: ByteSize::gib(4),
        ..Limits::default()
    };
    let error = fails(&entry(&grows_memory(1024)), &limits);
    assert!(matches!(error, CallError::Memory { limit, .. } if limit == ByteSize::mib(64)));
}

/// Two tables of a hundred elements, one of which grows.
fn grows_table(elements: u32) -> String {
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
fn tables_up_to_the_limit_of_their_sum_are_granted() {
    let limits = Limits {
        table_elements: 300,
        ..Limits::default()
    };
    assert!(call_with(&entry(&grows_table(100)), "", &limits).is_ok());
}

#[test]
fn tables_beyond_the_limit_of_their_sum_are_named_as_the_reason() {
    let limits = Limits {
        table_elements: 300,
        ..Limits::default()
    };
    for elements in [101, u32::MAX] {
        let error = fails(&entry(&grows_table(elements)), &limits);
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
fn a_module_that_begins_with_larger_tables_than_the_call_may_have_is_not_started() {
    let limits = Limits {
        table_elements: 199,
        ..Limits::default()
    };
    let error = fails(&entry(&grows_table(0)), &limits);
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
fn a_request_as_large_as_the_limit_is_read() {
    let limits = Limits {
        stdin: ByteSize::from_bytes(5),
        ..Limits::default()
    };
    let echo = stdio(
        r#"(func (export "run") (call $write (i32.const 1) (i32.const 64) (call $read (i32.const 64) (i32.const 100))))"#,
    );
    assert_eq!(answers(&echo, "12345", &limits), "12345");
}

#[test]
fn a_larger_request_is_refused_without_a_call() {
    let limits = Limits {
        stdin: ByteSize::from_bytes(5),
        ..Limits::default()
    };
    let failed = call_with(
        &entry(r#"(module (func (export "run")))"#),
        "123456",
        &limits,
    )
    .unwrap_err();
    assert!(
        matches!(failed.error, CallError::StdinTooLarge { .. }),
        "{failed:?}"
    );
}

/// Writes so many times a kibibyte to a stream.
fn writes_kib(fd: u32, count: u32) -> String {
    format!(
        r#"(func (export "run") (local $n i32)
            (loop $again
                (call $write (i32.const {fd}) (i32.const 64) (i32.const 1024))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $n) (i32.const {count})))))"#
    )
}

#[test]
fn an_answer_as_large_as_the_limit_is_kept() {
    let limits = Limits {
        stdout: ByteSize::kib(10),
        ..Limits::default()
    };
    assert_eq!(
        answers(&stdio(&writes_kib(1, 10)), "", &limits).len(),
        10 << 10
    );
}

/// S4: time, memory, output and concurrency of modules are bounded.
#[test]
fn a_larger_answer_ends_the_call() {
    let limits = Limits {
        stdout: ByteSize::kib(10),
        ..Limits::default()
    };
    for count in [11, u32::MAX] {
        let error = fails(&stdio(&writes_kib(1, count)), &limits);
        assert!(matches!(error, CallError::OutputTooLarge { limit } if limit == ByteSize::kib(10)));
    }
}

#[test]
fn a_log_as_large_as_the_limit_is_kept() {
    let limits = Limits {
        stderr: ByteSize::kib(10),
        ..Limits::default()
    };
    let output = call_with(&stdio(&writes_kib(2, 10)), "", &limits).unwrap();
    assert_eq!(output.stderr.len(), 10 << 10);
}

/// S4: time, memory, output and concurrency of modules are bounded.
#[test]
fn a_longer_log_is_cut_and_says_so_and_the_call_goes_on() {
    let limits = Limits {
        stderr: ByteSize::kib(10),
        ..Limits::default()
    };
    let output = call_with(&stdio(&writes_kib(2, 5000)), "", &limits).unwrap();
    assert!(output.stderr.len() < 11 << 10);
    let end = String::from_utf8_lossy(&output.stderr[10 << 10..]).into_owned();
    assert_eq!(end, "\n[the rest of the log was dropped]\n");
}

#[test]
fn stack_overflow_is_a_trap() {
    let entry = entry(r#"(module (func $deep (export "run") (call $deep) (call $deep)))"#);
    let error = fails(&entry, &Limits::default());
    let CallError::Trap(trap) = error else {
        panic!("{error:?}")
    };
    assert!(trap.message.contains("call stack exhausted"), "{trap}");
    assert!(trap.backtrace.frames.len() <= 20);
}
