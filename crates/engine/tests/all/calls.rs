//! Single calls, and concurrent calls.

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
fn passes_the_request_on_stdin_and_the_response_on_stdout() {
    assert_eq!(
        response(&entry_with_stdio(ECHO), "hello", &Limits::default()),
        "hello"
    );
}

#[test]
fn accepts_owned_and_borrowed_requests() {
    let entry = entry_with_stdio(ECHO);
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
fn initializes_a_reactor_before_the_entry_point() {
    let entry = entry_with_stdio(
        r#"(func (export "_initialize") (i32.store8 (i32.const 64) (i32.const 105)))
        (func (export "run") (call $write (i32.const 1) (i32.const 64) (i32.const 1)))"#,
    );
    assert_eq!(response(&entry, "", &Limits::default()), "i");
}

#[test]
fn runs_the_start_section_first() {
    let entry = entry_with_stdio(
        r#"(data (i32.const 64) "sir")
        (func $start (call $write (i32.const 1) (i32.const 64) (i32.const 1)))
        (start $start)
        (func (export "_initialize") (call $write (i32.const 1) (i32.const 65) (i32.const 1)))
        (func (export "run") (call $write (i32.const 1) (i32.const 66) (i32.const 1)))"#,
    );
    assert_eq!(response(&entry, "", &Limits::default()), "sir");
}

#[test]
fn does_not_call_the_start_function_of_a_command() {
    let entry = entry(r#"(module (func (export "_start") unreachable) (func (export "run")))"#);
    assert!(call(&entry).is_ok());
}

/// S21: no module sees the memory of another call.
#[test]
fn each_call_has_a_fresh_instance() {
    let engine = Engine::new(Options {
        max_concurrent_calls: NonZeroU32::MIN,
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
        assert_eq!(response(&entry, "", &Limits::default()), "A");
    }
}

/// S21: no module sees the memory of another call.
/// With one permit, each call gets the memory of the call before it, which was of another module.
#[test]
fn memory_of_one_call_is_zero_in_the_next() {
    let engine = Engine::new(Options {
        max_concurrent_calls: NonZeroU32::MIN,
        ..options()
    })
    .unwrap();
    let fill = r#"
        (drop (memory.grow (i32.const 100)))
        (memory.fill (i32.const 0) (i32.const 115) (i32.const 6684672))"#;
    let writer = entry_in(
        &engine,
        &format!(r#"(module (memory 2) (func (export "run") {fill}))"#),
    );
    let reader = r#"
        (func (export "run") (local $at i32)
            (drop (memory.grow (i32.const 100)))
            (loop $again
                (if (i32.load8_u (local.get $at)) (then unreachable))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $at) (i32.const 6684672)))))"#;
    let reader = entry_in(&engine, &format!("(module (memory 2) {reader})"));
    for _ in 0..3 {
        call(&writer).unwrap();
        call(&reader).unwrap();
    }
}

#[test]
fn succeeds_when_the_module_exits_with_code_0() {
    let entry = entry_with_stdio(
        r#"(data (i32.const 64) "done")
        (func (export "run")
            (call $write (i32.const 1) (i32.const 64) (i32.const 4))
            (call $proc_exit (i32.const 0))
            unreachable)"#,
    );
    assert_eq!(response(&entry, "", &Limits::default()), "done");
}

#[test]
fn fails_when_the_module_exits_with_another_code() {
    let entry = entry_with_stdio(
        r#"(data (i32.const 64) "oh no")
        (func (export "run")
            (call $write (i32.const 2) (i32.const 64) (i32.const 5))
            (call $proc_exit (i32.const 3)))"#,
    );
    let failure = call(&entry).unwrap_err();
    assert!(matches!(failure.error, CallError::Exit(3)));
    assert_eq!(failure.stderr, b"oh no");
    assert_eq!(
        error_chain(&failure),
        "the call failed: the module exited with code 3"
    );
}

#[test]
fn reports_the_functions_of_a_trap() {
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
fn reports_a_trap_in_initialize() {
    let entry = entry(
        r#"(module (func $prepare (export "_initialize") unreachable) (func (export "run")))"#,
    );
    let CallError::Trap(trap) = call(&entry).unwrap_err().error else {
        panic!("no trap")
    };
    assert_eq!(trap.backtrace.frames[0].name.as_deref(), Some("prepare"));
}

#[test]
fn traps_when_data_does_not_fit_into_the_memory() {
    let entry = entry(r#"(module (memory 1) (data (i32.const 65535) "ab") (func (export "run")))"#);
    let error = call(&entry).unwrap_err().error;
    assert!(matches!(error, CallError::Trap(_)), "{error:?}");
}

/// S4: time, memory, output and concurrency of modules are bounded.
#[test]
fn rejects_a_call_at_once_when_the_queue_is_full() {
    let options = Options {
        max_concurrent_calls: NonZeroU32::MIN,
        max_queued_calls: 1,
        ..options()
    };
    let engine = Engine::new(options).unwrap();
    let (endless, short) = (entry_in(&engine, ENDLESS), entry_in(&engine, SHORT));
    let limits = Limits::default();
    block_on(async {
        let mut running = Box::pin(endless.call("", &limits, soon()));
        let mut queued = Box::pin(short.call("", &limits, soon()));
        assert!(poll_once(running.as_mut()).is_pending());
        assert!(poll_once(queued.as_mut()).is_pending());

        let rejected = short.call("", &limits, soon()).await.unwrap_err();
        assert!(
            matches!(rejected.error, CallError::Overloaded),
            "{rejected:?}"
        );

        drop(running);
        let output = queued.await.unwrap();
        assert!(output.stats.queue_wait > Duration::ZERO);
    });
}

#[test]
fn fails_at_the_deadline_of_a_queued_call() {
    let engine = Engine::new(Options {
        max_concurrent_calls: NonZeroU32::MIN,
        ..options()
    })
    .unwrap();
    let (endless, short) = (entry_in(&engine, ENDLESS), entry_in(&engine, SHORT));
    let limits = Limits::default();
    block_on(async {
        let mut running = Box::pin(endless.call("", &limits, soon()));
        assert!(poll_once(running.as_mut()).is_pending());
        let failure = short.call("", &limits, in_ms(20)).await.unwrap_err();
        assert!(
            matches!(failure.error, CallError::Deadline(engine::Phase::Queued)),
            "{failure:?}"
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

/// A waPC guest that makes one host call.
const HOST_CALL: &str = r#"(module
    (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "__guest_call") (param i32 i32) (result i32)
        (call $host_call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                   (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))"#;

#[test]
fn reserves_half_of_the_permits_for_calls_that_do_not_wait_for_their_host() {
    let engine = Engine::new(Options {
        max_concurrent_calls: NonZeroU32::new(2).unwrap(),
        ..options()
    })
    .unwrap();
    let guest = engine.load(&wat::parse_str(HOST_CALL).unwrap()).unwrap();
    let guest = guest.wapc().unwrap();
    let short = entry_in(&engine, SHORT);
    let limits = Limits::default();
    let call = || {
        let host: Arc<dyn HostCalls> = Arc::new(Silent);
        guest.call("validate", Vec::new(), Some(host), &limits, soon())
    };
    block_on(async {
        let (mut first, mut second) = (Box::pin(call()), Box::pin(call()));
        assert!(poll_once(first.as_mut()).is_pending());
        assert!(poll_once(second.as_mut()).is_pending());
        short.call("", &limits, soon()).await.unwrap();
    });
}

/// With one permit, each call after a dropped one proves that the permit was released and that the
/// module no longer runs.
#[test]
fn stops_the_module_and_releases_the_permit_when_a_call_is_dropped() {
    let options = Options {
        max_concurrent_calls: NonZeroU32::MIN,
        max_queued_calls: 0,
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
fn yields_to_other_tasks_on_the_thread() {
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
fn runs_calls_on_several_threads() {
    let entry = entry_with_stdio(ECHO);
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
                // There are more calls than permits, and some find the queue full.
                loop {
                    match entry
                        .call(request.as_str(), &Limits::default(), soon())
                        .await
                    {
                        Ok(output) => return assert_eq!(output.stdout, request.as_bytes()),
                        Err(failure) if matches!(failure.error, CallError::Overloaded) => {
                            tokio::task::yield_now().await
                        }
                        Err(failure) => panic!("{failure:?}"),
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
fn keeps_the_engine_alive_with_the_module() {
    let entry = entry_with_stdio(ECHO);
    let kept = entry.module().clone().entry("run").unwrap();
    drop(entry);
    assert_eq!(response(&kept, "x", &Limits::default()), "x");
}

#[test]
fn releases_the_permit_after_every_kind_of_end() {
    let options = Options {
        max_concurrent_calls: NonZeroU32::MIN,
        max_queued_calls: 0,
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
                !matches!(ended, Err(failure) if matches!(failure.error, CallError::Overloaded)),
                "{body}"
            );
        }
    }
}

/// Polls a future once, without the runtime, so that the test controls its progress.
fn poll_once<F: Future + ?Sized>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    struct Ignore;
    impl Wake for Ignore {
        fn wake(self: Arc<Self>) {}
    }
    future.poll(&mut Context::from_waker(&Waker::from(Arc::new(Ignore))))
}
