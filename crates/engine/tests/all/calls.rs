//! What one call does, and what calls do to each other.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use engine::{CallError, Engine, HostCall, HostCalls, Limits, Options, Reply};

use crate::support::*;

const ENDLESS: &str = r#"(module (func (export "run") (loop $again (br $again))))"#;
const SHORT: &str = r#"(module (func (export "run")))"#;

const ECHO: &str = r#"
    (func (export "run")
        (call $write (i32.const 1) (i32.const 64) (call $read (i32.const 64) (i32.const 1000))))"#;

#[test]
fn gives_the_request_to_stdin_and_takes_the_answer_from_stdout() {
    assert_eq!(answers(&stdio(ECHO), "hello", &Limits::default()), "hello");
}

#[test]
fn accepts_any_owned_or_borrowed_bytes_as_request() {
    let entry = stdio(ECHO);
    let limits = Limits::default();
    block_on(async {
        assert_eq!(
            entry
                .call(vec![1, 2], &limits, soon())
                .await
                .unwrap()
                .stdout,
            [1, 2]
        );
        assert_eq!(
            entry
                .call([3].as_slice(), &limits, soon())
                .await
                .unwrap()
                .stdout,
            [3]
        );
    });
}

#[test]
fn prepares_a_reactor_before_the_entry_point() {
    let entry = stdio(
        r#"(func (export "_initialize") (i32.store8 (i32.const 64) (i32.const 105)))
        (func (export "run") (call $write (i32.const 1) (i32.const 64) (i32.const 1)))"#,
    );
    assert_eq!(answers(&entry, "", &Limits::default()), "i");
}

#[test]
fn runs_the_start_section_before_everything_else() {
    let entry = stdio(
        r#"(data (i32.const 64) "sir")
        (func $start (call $write (i32.const 1) (i32.const 64) (i32.const 1)))
        (start $start)
        (func (export "_initialize") (call $write (i32.const 1) (i32.const 65) (i32.const 1)))
        (func (export "run") (call $write (i32.const 1) (i32.const 66) (i32.const 1)))"#,
    );
    assert_eq!(answers(&entry, "", &Limits::default()), "sir");
}

#[test]
fn never_calls_the_start_function_of_a_command() {
    let entry = entry(r#"(module (func (export "_start") unreachable) (func (export "run")))"#);
    assert!(call(&entry).is_ok());
}

/// S21: no module sees the memory of another call.
#[test]
fn each_call_has_a_fresh_instance() {
    let engine = Engine::new(Options {
        concurrent_calls: NonZeroU32::MIN,
        ..options()
    })
    .unwrap();
    let entry = entry_in(
        &engine,
        &format!(
            r#"(module {STDIO}
                (global $calls (mut i32) (i32.const 65))
                (func (export "run")
                    (i32.store8 (i32.const 64) (global.get $calls))
                    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
                    (call $write (i32.const 1) (i32.const 64) (i32.const 1))))"#
        ),
    );
    for _ in 0..3 {
        assert_eq!(answers(&entry, "", &Limits::default()), "A");
    }
}

/// S21: no module sees the memory of another call.
/// One place in the pool, so that the second call gets the memory of the first, of another module.
#[test]
fn memory_of_one_call_is_zero_in_the_next() {
    let engine = Engine::new(Options {
        concurrent_calls: NonZeroU32::MIN,
        ..options()
    })
    .unwrap();
    let fill = r#"
        (drop (memory.grow (i32.const 100)))
        (memory.fill (i32.const 0) (i32.const 115) (i32.const 6684672))"#;
    let secretive = entry_in(
        &engine,
        &format!(r#"(module (memory 2) (func (export "run") {fill}))"#),
    );
    let curious = r#"
        (func (export "run") (local $at i32)
            (drop (memory.grow (i32.const 100)))
            (loop $again
                (if (i32.load8_u (local.get $at)) (then unreachable))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $at) (i32.const 6684672)))))"#;
    let curious = entry_in(&engine, &format!("(module (memory 2) {curious})"));
    for _ in 0..3 {
        call(&secretive).unwrap();
        call(&curious).unwrap();
    }
}

#[test]
fn exit_with_code_0_is_success_with_the_answer_so_far() {
    let entry = stdio(
        r#"(data (i32.const 64) "done")
        (func (export "run")
            (call $write (i32.const 1) (i32.const 64) (i32.const 4))
            (call $proc_exit (i32.const 0))
            unreachable)"#,
    );
    assert_eq!(answers(&entry, "", &Limits::default()), "done");
}

#[test]
fn exit_with_another_code_is_a_failure_with_the_log_so_far() {
    let entry = stdio(
        r#"(data (i32.const 64) "oh no")
        (func (export "run")
            (call $write (i32.const 2) (i32.const 64) (i32.const 5))
            (call $proc_exit (i32.const 3)))"#,
    );
    let failed = call(&entry).unwrap_err();
    assert!(matches!(failed.error, CallError::Exit(3)));
    assert_eq!(failed.stderr, b"oh no");
    assert_eq!(
        chain(&failed),
        "the call failed: the module exited with code 3"
    );
}

#[test]
fn a_trap_names_the_functions_that_led_to_it() {
    let entry = entry(
        r#"(module
            (func $_ZN6policy5check17h0123456789abcdefE unreachable)
            (func $outer (call $_ZN6policy5check17h0123456789abcdefE))
            (func (export "run") (call $outer)))"#,
    );
    let CallError::Trap(trap) = call(&entry).unwrap_err().error else {
        panic!("no trap")
    };
    let names: Vec<_> = trap
        .backtrace
        .frames
        .iter()
        .map(|frame| frame.name.as_deref())
        .collect();
    assert_eq!(names, [Some("policy::check"), Some("outer"), None]);
    assert_eq!(trap.backtrace.frames[2].function, 2);
    assert!(trap.to_string().contains("unreachable"), "{trap}");
}

#[test]
fn a_trap_in_initialize_is_a_trap() {
    let entry = entry(
        r#"(module (func $prepare (export "_initialize") unreachable) (func (export "run")))"#,
    );
    let CallError::Trap(trap) = call(&entry).unwrap_err().error else {
        panic!("no trap")
    };
    assert_eq!(trap.backtrace.frames[0].name.as_deref(), Some("prepare"));
}

#[test]
fn data_that_does_not_fit_into_the_memory_is_a_trap() {
    let entry = entry(r#"(module (memory 1) (data (i32.const 65535) "ab") (func (export "run")))"#);
    let error = call(&entry).unwrap_err().error;
    assert!(matches!(error, CallError::Trap(_)), "{error:?}");
}

/// S4: time, memory, output and concurrency of modules are bounded.
#[test]
fn a_call_beyond_the_waiting_places_is_refused_at_once() {
    let options = Options {
        concurrent_calls: NonZeroU32::MIN,
        waiting_calls: 1,
        ..options()
    };
    let engine = Engine::new(options).unwrap();
    let (endless, short) = (entry_in(&engine, ENDLESS), entry_in(&engine, SHORT));
    let limits = Limits::default();
    block_on(async {
        let mut running = Box::pin(endless.call("", &limits, soon()));
        let mut waiting = Box::pin(short.call("", &limits, soon()));
        assert!(poll_once(running.as_mut()).is_pending());
        assert!(poll_once(waiting.as_mut()).is_pending());

        let refused = short.call("", &limits, soon()).await.unwrap_err();
        assert!(matches!(refused.error, CallError::Busy), "{refused:?}");

        drop(running);
        let output = waiting.await.unwrap();
        assert!(output.stats.waited > Duration::ZERO);
    });
}

#[test]
fn a_call_waits_for_its_turn_no_longer_than_its_deadline() {
    let engine = Engine::new(Options {
        concurrent_calls: NonZeroU32::MIN,
        ..options()
    })
    .unwrap();
    let (endless, short) = (entry_in(&engine, ENDLESS), entry_in(&engine, SHORT));
    let limits = Limits::default();
    block_on(async {
        let mut running = Box::pin(endless.call("", &limits, soon()));
        assert!(poll_once(running.as_mut()).is_pending());
        let failed = short.call("", &limits, in_ms(20)).await.unwrap_err();
        assert!(
            matches!(failed.error, CallError::Deadline(engine::Phase::Waiting)),
            "{failed:?}"
        );
    });
}

/// A host that never replies.
struct Silent;

impl HostCalls for Silent {
    fn call<'a>(&'a self, _: HostCall<'a>) -> Reply<'a> {
        Box::pin(std::future::pending())
    }
}

/// A waPC guest that asks its host one thing.
const ASKS: &str = r#"(module
    (import "wapc" "__host_call" (func $ask (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "__guest_call") (param i32 i32) (result i32)
        (call $ask (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                   (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))"#;

#[test]
fn calls_that_wait_for_their_host_leave_half_of_the_places_to_others() {
    let engine = Engine::new(Options {
        concurrent_calls: NonZeroU32::new(2).unwrap(),
        ..options()
    })
    .unwrap();
    let asks = engine.load(&wat::parse_str(ASKS).unwrap()).unwrap();
    let asks = asks.wapc().unwrap();
    let short = entry_in(&engine, SHORT);
    let limits = Limits::default();
    let ask = || {
        let host: Arc<dyn HostCalls> = Arc::new(Silent);
        asks.call("validate", Vec::new(), Some(host), &limits, soon())
    };
    block_on(async {
        let (mut first, mut second) = (Box::pin(ask()), Box::pin(ask()));
        assert!(poll_once(first.as_mut()).is_pending());
        assert!(poll_once(second.as_mut()).is_pending());
        short.call("", &limits, soon()).await.unwrap();
    });
}

/// With one place, each call after a dropped one shows that the place is free again and the guest
/// no longer runs.
#[test]
fn dropping_a_call_stops_the_module_and_frees_its_place() {
    let options = Options {
        concurrent_calls: NonZeroU32::MIN,
        waiting_calls: 0,
        ..options()
    };
    let engine = Engine::new(options).unwrap();
    let (endless, short) = (entry_in(&engine, ENDLESS), entry_in(&engine, SHORT));
    let limits = Limits::default();
    block_on(async {
        for _ in 0..3 {
            let mut running = Box::pin(endless.call("", &limits, soon()));
            assert!(poll_once(running.as_mut()).is_pending());
            drop(running);
            short.call("", &limits, soon()).await.unwrap();
        }
    });
}

#[test]
fn an_endless_call_does_not_hold_up_others_on_its_thread() {
    let engine = engine();
    let (endless, short) = (entry_in(&engine, ENDLESS), entry_in(&engine, SHORT));
    let limits = Limits::default();
    block_on(async {
        let endless = async { endless.call("", &limits, soon()).await.map(drop) };
        let short = async {
            for _ in 0..10 {
                short.call("", &limits, soon()).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            ended = endless => panic!("the endless call ended: {ended:?}"),
            () = short => {}
        }
    });
}

#[test]
fn calls_run_on_several_threads_at_once() {
    let entry = stdio(ECHO);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_time()
        .build()
        .unwrap();
    let calls: Vec<_> = (0..200)
        .map(|n| {
            let entry = entry.clone();
            runtime.spawn(async move {
                let request = format!("request {n}");
                // More calls than places, and some find no waiting place.
                loop {
                    match entry
                        .call(request.as_str(), &Limits::default(), soon())
                        .await
                    {
                        Ok(output) => return assert_eq!(output.stdout, request.as_bytes()),
                        Err(failed) if matches!(failed.error, CallError::Busy) => {
                            tokio::task::yield_now().await
                        }
                        Err(failed) => panic!("{failed:?}"),
                    }
                }
            })
        })
        .collect();
    runtime.block_on(async {
        for call in calls {
            call.await.unwrap();
        }
    });
}

#[test]
fn a_module_keeps_its_engine_alive() {
    let entry = stdio(ECHO);
    let alone = entry.module().clone().entry("run").unwrap();
    drop(entry);
    assert_eq!(answers(&alone, "x", &Limits::default()), "x");
}

#[test]
fn a_place_is_free_after_every_kind_of_end() {
    let options = Options {
        concurrent_calls: NonZeroU32::MIN,
        waiting_calls: 0,
        ..options()
    };
    let engine = Engine::new(options).unwrap();
    let bodies = [
        "unreachable",
        "(loop $again (br $again))",
        "(call $proc_exit (i32.const 0))",
        "(call $proc_exit (i32.const 1))",
        "(drop (memory.grow (i32.const 65535))) unreachable",
        "(call $write (i32.const 1) (i32.const 64) (i32.const 100))",
    ];
    let limits = Limits {
        stdout: engine::ByteSize::from_bytes(10),
        ..Limits::default()
    };
    for body in bodies {
        let entry = entry_in(
            &engine,
            &format!(r#"(module {STDIO} (func (export "run") {body}))"#),
        );
        for _ in 0..3 {
            let ended = block_on(entry.call("", &limits, in_ms(20)));
            assert!(
                !matches!(ended, Err(failed) if matches!(failed.error, CallError::Busy)),
                "{body}"
            );
        }
    }
}

/// Polls a future outside of what the runtime knows, so that a test decides when it goes on.
fn poll_once<F: Future + ?Sized>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    struct Ignore;
    impl Wake for Ignore {
        fn wake(self: Arc<Self>) {}
    }
    future.poll(&mut Context::from_waker(&Waker::from(Arc::new(Ignore))))
}
