//! Modules that interpret a byte program and call the functions of the host accordingly. They are
//! compiled once, and misuse the host in as many ways as there are programs.
//!
//! A program is a sequence of calls: a byte for the function, then its arguments. The first byte of
//! an argument is its encoding, so that small changes produce pointers into the memory, out of it
//! and across its end; see `$i32` below. A program that ends early continues with zeros. It lies in
//! the memory to which the pointers lead.

/// A function of the host: module, name, parameters and result (`i` for 32 bits, `l` for 64).
type Function = (&'static str, &'static str, &'static str, &'static str);

const WASI: &str = "wasi_snapshot_preview1";

/// All functions of WASI preview 1.
const WASI_FUNCTIONS: &[Function] = &[
    (WASI, "fd_write", "iiii", "i"),
    (WASI, "fd_read", "iiii", "i"),
    (WASI, "args_get", "ii", "i"),
    (WASI, "args_sizes_get", "ii", "i"),
    (WASI, "environ_get", "ii", "i"),
    (WASI, "environ_sizes_get", "ii", "i"),
    (WASI, "clock_res_get", "ii", "i"),
    (WASI, "clock_time_get", "ili", "i"),
    (WASI, "random_get", "ii", "i"),
    (WASI, "poll_oneoff", "iiii", "i"),
    (WASI, "fd_close", "i", "i"),
    (WASI, "fd_fdstat_get", "ii", "i"),
    (WASI, "fd_filestat_get", "ii", "i"),
    (WASI, "fd_prestat_get", "ii", "i"),
    (WASI, "fd_prestat_dir_name", "iii", "i"),
    (WASI, "fd_renumber", "ii", "i"),
    (WASI, "fd_seek", "ilii", "i"),
    (WASI, "fd_tell", "ii", "i"),
    (WASI, "fd_pread", "iiili", "i"),
    (WASI, "fd_pwrite", "iiili", "i"),
    (WASI, "fd_readdir", "iiili", "i"),
    (WASI, "fd_advise", "illi", "i"),
    (WASI, "fd_allocate", "ill", "i"),
    (WASI, "fd_datasync", "i", "i"),
    (WASI, "fd_fdstat_set_flags", "ii", "i"),
    (WASI, "fd_fdstat_set_rights", "ill", "i"),
    (WASI, "fd_filestat_set_size", "il", "i"),
    (WASI, "fd_filestat_set_times", "illi", "i"),
    (WASI, "fd_sync", "i", "i"),
    (WASI, "path_create_directory", "iii", "i"),
    (WASI, "path_filestat_get", "iiiii", "i"),
    (WASI, "path_filestat_set_times", "iiiilli", "i"),
    (WASI, "path_link", "iiiiiii", "i"),
    (WASI, "path_open", "iiiiillii", "i"),
    (WASI, "path_readlink", "iiiiii", "i"),
    (WASI, "path_remove_directory", "iii", "i"),
    (WASI, "path_rename", "iiiiii", "i"),
    (WASI, "path_symlink", "iiiii", "i"),
    (WASI, "path_unlink_file", "iii", "i"),
    (WASI, "proc_exit", "i", ""),
    (WASI, "proc_raise", "i", "i"),
    (WASI, "sched_yield", "", "i"),
    (WASI, "sock_accept", "iii", "i"),
    (WASI, "sock_recv", "iiiiii", "i"),
    (WASI, "sock_send", "iiiii", "i"),
    (WASI, "sock_shutdown", "ii", "i"),
];

const WAPC_FUNCTIONS: &[Function] = &[
    ("wapc", "__guest_request", "ii", ""),
    ("wapc", "__guest_response", "ii", ""),
    ("wapc", "__guest_error", "ii", ""),
    ("wapc", "__host_call", "iiiiiiii", "i"),
    ("wapc", "__host_response_len", "", "i"),
    ("wapc", "__host_response", "i", ""),
    ("wapc", "__host_error_len", "", "i"),
    ("wapc", "__host_error", "i", ""),
    ("wapc", "__console_log", "ii", ""),
];

const COMMAND_FUNCTIONS: &[Function] = &[
    ("host", "call", "iiiiiiii", "i"),
    ("kubewarden:javy/host", "call", "iiiiiiii", "i"),
];

const REGO_FUNCTIONS: &[Function] = &[
    ("env", "opa_abort", "i", ""),
    ("env", "opa_println", "i", ""),
    ("env", "opa_builtin0", "ii", "i"),
    ("env", "opa_builtin1", "iii", "i"),
    ("env", "opa_builtin2", "iiii", "i"),
    ("env", "opa_builtin3", "iiiii", "i"),
    ("env", "opa_builtin4", "iiiiii", "i"),
];

/// Returns a module with the entry point `run`. Its stdin is the length of the program (4 bytes), the
/// program, and input for the program.
pub fn entry() -> String {
    module(&[WASI_FUNCTIONS], &stdin_program("run"))
}

/// Returns a program of Kubewarden's mode `wasi`, with the same stdin.
pub fn command() -> String {
    module(
        &[WASI_FUNCTIONS, COMMAND_FUNCTIONS],
        &stdin_program("_start"),
    )
}

/// Returns a waPC guest, whose program is the payload.
pub fn wapc() -> String {
    let start = r#"
        (func (export "__guest_call") (param i32) (param $len i32) (result i32)
            (call $f0 (i32.const 65000) (i32.const 0))
            (call $interpret (i32.const 0) (local.get $len))
            (i32.const 1))"#;
    module(&[WAPC_FUNCTIONS, WASI_FUNCTIONS], start)
}

/// Returns a compiled Rego policy. Its program is the input, from which the results of its exported
/// functions come as well.
pub fn rego() -> String {
    let start = r#"
        (data (i32.const 60000) "{\"a\":0,\"b\":1,\"c\":2}\00")
        (global $evaluating (mut i32) (i32.const 0))
        (func (export "builtins") (result i32) (i32.const 60000))
        (func (export "opa_malloc") (param i32) (result i32)
            (if (result i32) (global.get $evaluating) (then (call $i32)) (else (i32.const 0))))
        (func (export "opa_json_parse") (param $at i32) (param $len i32) (result i32)
            (if (i32.eqz (global.get $evaluating)) (then
                (global.set $at (local.get $at))
                (global.set $end (i32.add (local.get $at) (local.get $len)))))
            (i32.const 1))
        (func (export "opa_json_dump") (param $value i32) (result i32) (local.get $value))
        (func (export "opa_eval_ctx_new") (result i32) (i32.const 0))
        (func (export "opa_eval_ctx_set_input") (param i32 i32))
        (func (export "opa_eval_ctx_set_data") (param i32 i32))
        (func (export "opa_eval_ctx_set_entrypoint") (param i32 i32))
        (func (export "opa_eval_ctx_get_result") (param i32) (result i32) (call $i32))
        (func (export "eval") (param i32) (result i32)
            (global.set $evaluating (i32.const 1))
            (call $interpret (global.get $at) (global.get $end))
            (i32.const 0))"#;
    module(&[REGO_FUNCTIONS, WASI_FUNCTIONS], start)
}

/// Returns an export that reads the program from stdin with function 1, `fd_read`, and runs it.
fn stdin_program(export: &str) -> String {
    format!(
        r#"
        (func (export "{export}")
            (i32.store (i32.const 65000) (i32.const 65008))
            (i32.store (i32.const 65004) (i32.const 4))
            (drop (call $f1 (i32.const 0) (i32.const 65000) (i32.const 1) (i32.const 65012)))
            (i32.store (i32.const 65000) (i32.const 0))
            (i32.store (i32.const 65004) (i32.load (i32.const 65008)))
            (drop (call $f1 (i32.const 0) (i32.const 65000) (i32.const 1) (i32.const 65012)))
            (call $interpret (i32.const 0) (i32.load (i32.const 65008))))"#
    )
}

fn module(sets: &[&[Function]], start: &str) -> String {
    let functions: Vec<&Function> = sets.iter().copied().flatten().collect();
    let imports: String = functions.iter().enumerate().map(import).collect();
    let blocks = "(block ".repeat(functions.len());
    let targets: String = (0..functions.len()).map(|n| format!("{n} ")).collect();
    let count = functions.len();
    let cases: String = functions.iter().enumerate().map(case).collect();
    format!(
        r#"(module {imports} (memory (export "memory") 1 2) {ARGUMENTS} {start}
        (func $interpret (param $at i32) (param $end i32)
            (global.set $at (local.get $at))
            (global.set $end (local.get $end))
            (loop $next
                (if (i32.ge_u (global.get $at) (global.get $end)) (then (return)))
                {blocks} (br_table {targets} (i32.rem_u (call $byte) (i32.const {count})))
                {cases}
                (br $next))))"#
    )
}

fn import((index, (module, name, params, result)): (usize, &&Function)) -> String {
    let result = if result.is_empty() {
        ""
    } else {
        "(result i32)"
    };
    let params: String = params
        .chars()
        .map(|c| format!("{} ", value_type(c)))
        .collect();
    format!(r#"(import "{module}" "{name}" (func $f{index} (param {params}) {result}))"#)
}

/// Returns the end of a block, followed by the call.
fn case((index, (_, _, params, result)): (usize, &&Function)) -> String {
    let arguments: String = params
        .chars()
        .map(|c| format!("(call ${})", value_type(c)))
        .collect();
    let call = format!("(call $f{index} {arguments})");
    let call = if result.is_empty() {
        call
    } else {
        format!("(drop {call})")
    };
    format!(") {call} (br $next)")
}

fn value_type(c: char) -> &'static str {
    if c == 'l' { "i64" } else { "i32" }
}

/// The functions `$byte`, `$i32` and `$i64`, which read the next value of the program. The low bits
/// of the first byte of an `$i32` select its encoding: 4 bytes, 2 bytes (a pointer into the memory),
/// the end of the memory minus a byte, or a byte.
const ARGUMENTS: &str = r#"
    (global $at (mut i32) (i32.const 0))
    (global $end (mut i32) (i32.const 0))
    (func $byte (result i32)
        (if (i32.ge_u (global.get $at) (global.get $end)) (then (return (i32.const 0))))
        (i32.load8_u (global.get $at))
        (global.set $at (i32.add (global.get $at) (i32.const 1))))
    (func $two (result i32) (i32.or (call $byte) (i32.shl (call $byte) (i32.const 8))))
    (func $i32 (result i32)
        (block $small (block $near (block $pointer (block $whole
            (br_table $whole $pointer $near $small (i32.and (call $byte) (i32.const 3))))
            (return (i32.or (call $two) (i32.shl (call $two) (i32.const 16)))))
            (return (call $two)))
            (return (i32.sub (i32.const 65536) (call $byte))))
        (call $byte))
    (func $i64 (result i64)
        (i64.or (i64.extend_i32_u (call $i32)) (i64.shl (i64.extend_i32_u (call $i32)) (i64.const 32))))
"#;
