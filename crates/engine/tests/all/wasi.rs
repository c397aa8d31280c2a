//! WASI preview 1, used correctly and by hostile modules.

use engine::Limits;

use crate::support::*;

pub const SUCCESS: i32 = 0;
pub const BADF: i32 = 8;
const FAULT: i32 = 21;
pub const INVAL: i32 = 28;
const NOTDIR: i32 = 54;
const NOTSOCK: i32 = 57;
const SPIPE: i32 = 70;

/// Functions that return an error number, with their parameters: `i` for 32 bits, `l` for 64 bits.
const SIGNATURES: &[(&str, &str)] = &[
    ("args_get", "ii"),
    ("args_sizes_get", "ii"),
    ("environ_get", "ii"),
    ("environ_sizes_get", "ii"),
    ("clock_res_get", "ii"),
    ("clock_time_get", "ili"),
    ("fd_advise", "illi"),
    ("fd_allocate", "ill"),
    ("fd_close", "i"),
    ("fd_datasync", "i"),
    ("fd_fdstat_get", "ii"),
    ("fd_fdstat_set_flags", "ii"),
    ("fd_fdstat_set_rights", "ill"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "il"),
    ("fd_filestat_set_times", "illi"),
    ("fd_pread", "iiili"),
    ("fd_prestat_get", "ii"),
    ("fd_prestat_dir_name", "iii"),
    ("fd_pwrite", "iiili"),
    ("fd_read", "iiii"),
    ("fd_readdir", "iiili"),
    ("fd_renumber", "ii"),
    ("fd_seek", "ilii"),
    ("fd_sync", "i"),
    ("fd_tell", "ii"),
    ("fd_write", "iiii"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiilli"),
    ("path_link", "iiiiiii"),
    ("path_open", "iiiiillii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiiii"),
    ("path_unlink_file", "iii"),
    ("poll_oneoff", "iiii"),
    ("proc_raise", "i"),
    ("sched_yield", ""),
    ("random_get", "ii"),
    ("sock_accept", "iii"),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
];

/// Size of the memory of the modules below: one page.
const END: i64 = 65_536;

/// Calls a function of WASI after `prepare` and returns its error number, which the module passes as
/// its exit code.
#[track_caller]
pub fn errno(prepare: &str, name: &str, arguments: &[i64]) -> i32 {
    let (_, signature) = SIGNATURES
        .iter()
        .find(|(known, _)| *known == name)
        .expect(name);
    assert_eq!(signature.len(), arguments.len(), "{name}");
    let ty = |c| if c == 'i' { "i32" } else { "i64" };
    let params: String = signature
        .chars()
        .map(|c| format!("(param {})", ty(c)))
        .collect();
    let values: String = signature
        .chars()
        .zip(arguments)
        .map(|(c, value)| match c {
            'i' => format!("(i32.const {})", *value as i32),
            _ => format!("(i64.const {value})"),
        })
        .collect();
    let entry = entry(&format!(
        r#"(module
            (import "wasi_snapshot_preview1" "{name}" (func $call {params} (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (func (export "run")
                {prepare}
                (call $exit (i32.add (i32.const 1000) (call $call {values})))))"#
    ));
    match error(&entry, &Limits::default()) {
        engine::CallError::Exit(code) => code - 1000,
        other => panic!("{name} {arguments:?}: {other:?}"),
    }
}

/// Calls a function of WASI and returns the bytes that it wrote at address 512.
#[track_caller]
pub fn written_by<const N: usize>(
    prepare: &str,
    name: &str,
    params: &str,
    arguments: &str,
) -> [u8; N] {
    let entry = entry_with_import(
        &format!(
            r#"(import "wasi_snapshot_preview1" "{name}" (func $call {params} (result i32)))"#
        ),
        &format!(
            r#"(func (export "run")
                {prepare}
                (if (call $call {arguments}) (then unreachable))
                (call $write (i32.const 1) (i32.const 512) (i32.const {N})))"#
        ),
    );
    call_with(&entry, "request", &Limits::default())
        .unwrap()
        .stdout
        .try_into()
        .unwrap()
}

/// Loads a module with an additional import, which must precede everything else.
fn entry_with_import(import: &str, text: &str) -> engine::Entry {
    entry(&format!("(module {import} {STDIO} {text})"))
}

fn store(at: i64, value: i64) -> String {
    format!("(i32.store (i32.const {at}) (i32.const {}))", value as i32)
}

#[test]
fn links_every_function_of_preview_1() {
    for (name, signature) in SIGNATURES {
        let arguments = vec![0; signature.len()];
        errno("", name, &arguments);
    }
}

/// Tests every function whose first parameter is a descriptor.
#[test]
fn rejects_unknown_descriptors() {
    let with_descriptor = |name: &&(&str, &str)| {
        ["fd_", "path_", "sock_"]
            .iter()
            .any(|prefix| name.0.starts_with(prefix))
    };
    for (name, signature) in SIGNATURES.iter().filter(with_descriptor) {
        for fd in [3, 1000, -1] {
            let mut arguments = vec![0; signature.len()];
            arguments[0] = fd;
            assert_eq!(errno("", name, &arguments), BADF, "{name} {fd}");
        }
    }
}

/// Tests each pointer of each function that accesses memory, at every kind of invalid address. `P`
/// stands for the tested pointer; the other arguments are valid.
#[test]
fn rejects_pointers_outside_the_memory() {
    const P: i64 = i64::MIN;
    let one_vector = format!("{}{}", store(128, 256), store(132, 4));
    let one_clock = store(128 + 16, 1);
    let cases: &[(&str, &str, &[i64], i64)] = &[
        ("", "args_get", &[P, 256], 4),
        ("", "args_get", &[256, P], 7),
        ("", "args_sizes_get", &[P, 256], 4),
        ("", "args_sizes_get", &[256, P], 4),
        ("", "environ_sizes_get", &[P, 256], 4),
        ("", "environ_sizes_get", &[256, P], 4),
        ("", "clock_res_get", &[0, P], 8),
        ("", "clock_time_get", &[0, 0, P], 8),
        ("", "fd_fdstat_get", &[1, P], 24),
        ("", "fd_filestat_get", &[1, P], 64),
        ("", "fd_read", &[0, P, 1, 512], 8),
        (&one_vector, "fd_read", &[0, 128, 1, P], 4),
        ("", "fd_write", &[1, P, 1, 512], 8),
        (&one_vector, "fd_write", &[1, 128, 1, P], 4),
        ("", "fd_write", &[2, P, 1, 512], 8),
        ("", "random_get", &[P, 16], 16),
        ("", "poll_oneoff", &[P, 512, 1, 1024], 48),
        (&one_clock, "poll_oneoff", &[128, P, 1, 1024], 32),
        (&one_clock, "poll_oneoff", &[128, 512, 1, P], 4),
    ];
    for (prepare, name, arguments, size) in cases {
        for pointer in [
            END - size + 1,
            END,
            END + 1,
            i64::from(u32::MAX) - size + 1,
            -1,
            i64::from(i32::MIN),
        ] {
            let arguments: Vec<_> = arguments
                .iter()
                .map(|value| if *value == P { pointer } else { *value })
                .collect();
            assert_eq!(
                errno(prepare, name, &arguments),
                FAULT,
                "{name} {arguments:?}"
            );
        }
        let arguments: Vec<_> = arguments
            .iter()
            .map(|value| if *value == P { END - size } else { *value })
            .collect();
        assert_eq!(
            errno(prepare, name, &arguments),
            SUCCESS,
            "{name} {arguments:?}"
        );
    }
}

/// Tests valid vectors that point to invalid buffers.
#[test]
fn rejects_buffers_outside_the_memory() {
    for (name, fd) in [("fd_read", 0), ("fd_write", 1), ("fd_write", 2)] {
        for (pointer, len) in [
            (END, 1),
            (END - 1, 2),
            (0, END + 1),
            (-1, -1),
            (-1, 1),
            (1, -1),
        ] {
            let prepare = format!("{}{}", store(128, pointer), store(132, len));
            assert_eq!(
                errno(&prepare, name, &[fd, 128, 1, 512]),
                FAULT,
                "{name} {pointer} {len}"
            );
        }
    }
}

#[test]
fn rejects_too_many_vectors() {
    for (name, fd) in [("fd_read", 0), ("fd_write", 1)] {
        assert_eq!(errno("", name, &[fd, 0, 1024, 65_000]), SUCCESS);
        for count in [1025, i64::from(i32::MAX), -1] {
            assert_eq!(
                errno("", name, &[fd, 0, count, 65_000]),
                INVAL,
                "{name} {count}"
            );
        }
    }
}

#[test]
fn rejects_too_many_subscriptions() {
    for count in [0, 65, i64::from(i32::MAX), -1] {
        assert_eq!(
            errno("", "poll_oneoff", &[0, 512, count, 1024]),
            INVAL,
            "{count}"
        );
    }
}

#[test]
fn rejects_too_many_random_bytes() {
    assert_eq!(errno("", "random_get", &[0, END]), SUCCESS);
    assert_eq!(errno("", "random_get", &[0, END + 1]), INVAL);
    assert_eq!(errno("", "random_get", &[0, -1]), INVAL);
}

/// A thousand vectors that all cover the whole memory must not use a thousand times its size.
#[test]
fn bounds_a_log_of_many_overlapping_buffers() {
    let entry = entry_with_import(
        "",
        r#"(func (export "run") (local $n i32)
            (drop (memory.grow (i32.const 30)))
            (loop $again
                (i32.store (i32.add (i32.const 64) (i32.mul (local.get $n) (i32.const 8))) (i32.const 0))
                (i32.store (i32.add (i32.const 68) (i32.mul (local.get $n) (i32.const 8))) (i32.const 2000000))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $n) (i32.const 1024))))
            (if (call $fd_write (i32.const 2) (i32.const 64) (i32.const 1024) (i32.const 8)) (then unreachable))
            (if (i32.ne (i32.load (i32.const 8)) (i32.const 2048000000)) (then unreachable)))"#,
    );
    let output = call(&entry).unwrap();
    assert!(output.stderr.len() < 70 << 10);
}

#[test]
fn reads_into_several_buffers_until_the_request_ends() {
    let entry = entry_with_import(
        "",
        r#"(func (export "run")
            (i32.store (i32.const 0) (i32.const 512)) (i32.store (i32.const 4) (i32.const 3))
            (i32.store (i32.const 16) (i32.const 600)) (i32.store (i32.const 20) (i32.const 100))
            (i32.store (i32.const 24) (i32.const 700)) (i32.store (i32.const 28) (i32.const 100))
            (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
            (drop (call $fd_read (i32.const 0) (i32.const 16) (i32.const 2) (i32.const 12)))
            (i32.store (i32.const 4) (i32.load (i32.const 8)))
            (i32.store (i32.const 20) (i32.load (i32.const 12)))
            (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8)))
            (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
            ;; the end of the request is a read of 0 bytes
            (if (call $read (i32.const 512) (i32.const 100)) (then unreachable)))"#,
    );
    assert_eq!(response(&entry, "request", &Limits::default()), "uestreq");
}

#[test]
fn rejects_reads_and_writes_in_the_wrong_direction() {
    assert_eq!(errno("", "fd_read", &[1, 0, 0, 512]), BADF);
    assert_eq!(errno("", "fd_read", &[2, 0, 0, 512]), BADF);
    let prepare = format!("{}{}", store(128, 256), store(132, 4));
    assert_eq!(errno(&prepare, "fd_write", &[0, 128, 1, 512]), BADF);
}

#[test]
fn keeps_a_closed_stream_closed() {
    for fd in 0..3 {
        let entry = entry(&format!(
            r#"(module
                (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
                (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                (memory (export "memory") 1)
                (func (export "run")
                    (if (call $close (i32.const {fd})) (then unreachable))
                    (call $exit (call $close (i32.const {fd})))))"#
        ));
        assert!(matches!(
            error(&entry, &Limits::default()),
            engine::CallError::Exit(BADF)
        ));
    }
}

/// S6: modules access nothing outside, and make no host call that is not granted.
#[test]
fn there_are_no_files() {
    assert_eq!(errno("", "fd_prestat_get", &[3, 512]), BADF);
    assert_eq!(errno("", "fd_seek", &[0, 0, 0, 512]), SPIPE);
    assert_eq!(
        errno("", "path_open", &[0, 0, 0, 0, 0, 0, 0, 0, 512]),
        NOTDIR
    );
}

/// S6: modules access nothing outside, and make no host call that is not granted.
#[test]
fn there_are_no_sockets() {
    for fd in 0..3 {
        assert_eq!(errno("", "sock_accept", &[fd, 0, 512]), NOTSOCK);
        assert_eq!(errno("", "sock_recv", &[fd, 0, 0, 0, 512, 512]), NOTSOCK);
        assert_eq!(errno("", "sock_send", &[fd, 0, 0, 0, 512]), NOTSOCK);
        assert_eq!(errno("", "sock_shutdown", &[fd, 0]), NOTSOCK);
    }
}

#[test]
fn does_not_report_streams_as_terminals() {
    let params = "(param i32 i32)";
    let stdin: [u8; 24] = written_by("", "fd_fdstat_get", params, "(i32.const 0) (i32.const 512)");
    assert_eq!(stdin[0], 0);
    assert_eq!(stdin[8] & 0b100_0010, 0b10, "readable, not writable");
    let stdout: [u8; 24] = written_by("", "fd_fdstat_get", params, "(i32.const 1) (i32.const 512)");
    assert_eq!(stdout[8] & 0b100_0010, 0b100_0000, "writable, not readable");
}

#[test]
fn passes_the_name_of_the_program_as_the_only_argument() {
    let params = "(param i32 i32)";
    let sizes: [u8; 8] = written_by(
        "",
        "args_sizes_get",
        params,
        "(i32.const 512) (i32.const 516)",
    );
    assert_eq!(sizes, [1, 0, 0, 0, 7, 0, 0, 0]);
    let argument: [u8; 7] = written_by("", "args_get", params, "(i32.const 256) (i32.const 512)");
    assert_eq!(&argument, b"module\0");
    let pointer: [u8; 4] = written_by("", "args_get", params, "(i32.const 512) (i32.const 256)");
    assert_eq!(u32::from_le_bytes(pointer), 256);
}

/// S6: modules access nothing outside, and make no host call that is not granted.
#[test]
fn the_environment_is_empty() {
    let prepare = "(i64.store (i32.const 512) (i64.const -1))";
    let sizes: [u8; 8] = written_by(
        prepare,
        "environ_sizes_get",
        "(param i32 i32)",
        "(i32.const 512) (i32.const 516)",
    );
    assert_eq!(sizes, [0; 8]);
}

#[test]
fn reports_wall_time_and_hides_the_uptime_of_the_machine() {
    let time = |clock: u32| {
        let arguments = format!("(i32.const {clock}) (i64.const 0) (i32.const 512)");
        u64::from_le_bytes(written_by(
            "",
            "clock_time_get",
            "(param i32 i64 i32)",
            &arguments,
        ))
    };
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!(time(0) / 1_000_000_000 >= now);
    let second = 1_000_000_000;
    assert!((second..second * 60).contains(&time(1)));
    assert_eq!(errno("", "clock_time_get", &[2, 0, 512]), INVAL);
}

#[test]
fn returns_different_random_bytes() {
    let random = || -> [u8; 16] {
        written_by(
            "",
            "random_get",
            "(param i32 i32)",
            "(i32.const 512) (i32.const 16)",
        )
    };
    assert_ne!(random(), random());
}
