//! What does not load, and what the error says.

use engine::{CodeOrigin, Engine, EntryError, LoadError};

use crate::support::*;

/// The module does not load; the whole error.
#[track_caller]
fn refuses(text: &str) -> String {
    chain(&try_load(text).unwrap_err())
}

/// S9: what runs is what was meant to.
#[test]
fn loads_a_module_and_knows_it_by_its_digest() {
    let wasm = wat::parse_str(r#"(module (func (export "run")))"#).unwrap();
    let module = engine().load(&wasm).unwrap();
    assert_eq!(*module.digest(), engine::Digest::of(&wasm));
    assert_eq!(module.code_origin(), CodeOrigin::Compiled);
    assert!(module.has_function("run"));
    assert!(!module.has_function("walk"));
}

#[test]
fn names_an_import_that_does_not_exist() {
    let error = refuses(r#"(module (import "env" "log" (func)))"#);
    let expected = "it imports `env.log`, which does not exist here: \
                    modules may import `wasi_snapshot_preview1`, `wapc`, `host`, `kubewarden:javy/host`, `env`";
    assert_eq!(error, expected);
}

#[test]
fn names_a_function_that_wasi_does_not_have() {
    let error = refuses(r#"(module (import "wasi_snapshot_preview1" "fd_wrote" (func)))"#);
    assert!(
        error.starts_with("it imports `wasi_snapshot_preview1.fd_wrote`"),
        "{error}"
    );
}

#[test]
fn names_an_import_with_the_wrong_signature() {
    let error =
        refuses(r#"(module (import "wasi_snapshot_preview1" "fd_close" (func (param i64))))"#);
    let expected = "it imports `wasi_snapshot_preview1.fd_close` as function (i64), \
                    but that is function (i32) -> i32";
    assert_eq!(error, expected);
}

#[test]
fn names_an_import_that_is_not_a_function() {
    let error = refuses(r#"(module (import "wasi_snapshot_preview1" "fd_close" (memory 1)))"#);
    assert!(error.contains("as memory of 64Ki"), "{error}");
}

#[test]
fn wants_the_memory_of_a_module_that_calls_the_host() {
    let import = r#"(import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))"#;
    for memory in [
        "",
        "(memory 1)",
        r#"(memory (export "mem") 1)"#,
        r#"(global (export "memory") i32 (i32.const 0))"#,
    ] {
        let error = try_load(&format!("(module {import} {memory})")).unwrap_err();
        assert!(matches!(error, LoadError::NoMemory), "{error:?}");
    }
}

#[test]
fn does_not_want_a_memory_from_a_module_that_calls_nobody() {
    assert!(try_load("(module)").is_ok());
}

#[test]
fn refuses_an_initialize_that_takes_something() {
    let error = refuses(r#"(module (func (export "_initialize") (param i32)))"#);
    assert!(
        error.starts_with("its function `_initialize` cannot be called: "),
        "{error}"
    );
}

#[test]
fn refuses_more_initial_memory_than_a_place_has() {
    let error = refuses("(module (memory 1025))");
    assert_eq!(
        error,
        "its memory begins with 65600Ki, more than the 64Mi that modules may have"
    );
    assert!(try_load("(module (memory 1024))").is_ok());
}

#[test]
fn refuses_larger_initial_tables_than_a_place_has() {
    let error = refuses("(module (table 60000 funcref) (table 40001 funcref))");
    assert!(
        error.contains("its tables begin with 100001 elements"),
        "{error}"
    );
    assert!(try_load("(module (table 60000 funcref) (table 40000 funcref))").is_ok());
}

#[test]
fn refuses_proposals_that_are_off() {
    let refused = [
        ("two memories", "(module (memory 1) (memory 1))"),
        ("64-bit memory", "(module (memory i64 1))"),
        ("shared memory", "(module (memory 1 1 shared))"),
        ("garbage collection", "(module (type (struct)))"),
        ("function references", "(module (func (param (ref func))))"),
        ("exceptions", "(module (tag))"),
        (
            "relaxed SIMD",
            "(module (func (drop (i32x4.relaxed_trunc_f32x4_s (v128.const i32x4 0 0 0 0)))))",
        ),
    ];
    for (proposal, text) in refused {
        let error = try_load(text);
        assert!(
            matches!(error, Err(LoadError::Invalid(_))),
            "{proposal}: {error:?}"
        );
    }
}

#[test]
fn accepts_what_compilers_emit() {
    let accepted = [
        (
            "bulk memory",
            "(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 8))))",
        ),
        (
            "multiple values",
            "(module (func (result i32 i32) (i32.const 1) (i32.const 2)))",
        ),
        (
            "sign extension",
            "(module (func (drop (i32.extend8_s (i32.const 1)))))",
        ),
        (
            "saturating conversion",
            "(module (func (drop (i32.trunc_sat_f32_s (f32.const 1)))))",
        ),
        (
            "tables of references",
            "(module (table 1 funcref) (func (drop (table.get (i32.const 0)))))",
        ),
        ("SIMD", "(module (func (drop (v128.const i32x4 0 0 0 0))))"),
        ("tail calls", "(module (func $f (return_call $f)))"),
        (
            "extended constants",
            "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))",
        ),
        (
            "mutable globals",
            r#"(module (global (export "g") (mut i32) (i32.const 1)))"#,
        ),
    ];
    for (proposal, text) in accepted {
        let loaded = try_load(text);
        assert!(loaded.is_ok(), "{proposal}: {loaded:?}");
    }
}

#[test]
fn refuses_what_is_not_valid_and_says_where() {
    let error = refuses("(module (func (result i32)))");
    assert!(error.contains("type mismatch"), "{error}");
    assert!(error.contains("offset"), "{error}");
}

#[test]
fn refuses_bytes_that_are_not_a_module() {
    let cases: [(&[u8], &str); 6] = [
        (b"", "the file is empty"),
        (b"(module)", "this is WebAssembly text"),
        (b"\n ;; a comment\n(module)", "this is WebAssembly text"),
        (b"\0asm\x0d\0\x01\0", "this is a WebAssembly component"),
        (b"\0asm\x02\0\0\0", "the unknown version 2"),
        (b"\x7fELF\x02\x01\x01\0", "this is not a WebAssembly module"),
    ];
    let engine = engine();
    for (bytes, expected) in cases {
        let error = chain(&engine.load(bytes).unwrap_err());
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn refuses_a_module_cut_anywhere() {
    let wasm = wat::parse_str(format!("(module {STDIO})")).unwrap();
    let engine = engine();
    for len in 0..wasm.len() {
        // A file that ends between two sections can be whole.
        if let Ok(module) = engine.load(&wasm[..len]) {
            assert!(!module.has_function("run"));
        }
    }
}

#[test]
fn says_what_is_exported_when_the_entry_point_is_missing() {
    let module = try_load(
        r#"(module (memory (export "memory") 1) (func (export "authn")) (func (export "helper") (param i32)))"#,
    );
    let error = module.unwrap().entry("validate").unwrap_err();
    assert_eq!(
        error.to_string(),
        "it does not export `validate`; it exports `authn`"
    );
}

#[test]
fn says_that_nothing_is_exported() {
    let error = try_load("(module)").unwrap().entry("validate").unwrap_err();
    let expected = "it does not export `validate`; \
                    it exports no function that takes and answers nothing";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn says_what_the_entry_point_is_when_it_is_not_a_function() {
    let module = try_load(r#"(module (memory (export "validate") 1 2))"#).unwrap();
    let error = module.entry("validate").unwrap_err();
    assert_eq!(
        error.to_string(),
        "its export `validate` is a memory of 64Ki to 128Ki, not a function"
    );
}

#[test]
fn an_entry_point_imports_nothing_of_other_conventions() {
    let functions = [
        r#""wapc" "__console_log" (func (param i32 i32))"#,
        r#""kubewarden:javy/host" "call" (func (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32))"#,
        r#""env" "opa_abort" (func (param i32))"#,
        r#""env" "memory" (memory 1)"#,
    ];
    for import in functions {
        let memory = if import.contains("(memory") {
            r#"(export "memory" (memory 0))"#
        } else {
            r#"(memory (export "memory") 1)"#
        };
        let wat = format!(r#"(module (import {import}) {memory} (func (export "validate")))"#);
        let error = try_load(&wat).unwrap().entry("validate").unwrap_err();
        assert!(matches!(error, EntryError::Import { .. }), "{error}");
        assert!(
            error.to_string().contains("`wasi_snapshot_preview1` alone"),
            "{error}"
        );
    }
}

#[test]
fn says_which_signature_an_entry_point_has() {
    let module = try_load(
        r#"(module (func (export "a") (param i32 i64)) (func (export "b") (result f32) (f32.const 0)))"#,
    )
    .unwrap();
    for (name, signature) in [("a", "(i32, i64)"), ("b", "() -> f32")] {
        let error = module.entry(name).unwrap_err();
        assert!(matches!(error, EntryError::Signature { .. }));
        assert!(error.to_string().contains(signature), "{error}");
    }
}

#[test]
fn an_engine_refuses_a_memory_size_that_no_module_can_have() {
    for max in ["0", "63Ki", "5Gi"] {
        let options = engine::Options {
            memory_max: max.parse().unwrap(),
            ..options()
        };
        let error = Engine::new(options).err().unwrap();
        assert!(error.to_string().contains("from 64Ki to 4Gi"), "{error}");
    }
}
