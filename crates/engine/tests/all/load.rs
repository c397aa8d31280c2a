//! Loading of modules, and the errors for modules that cannot run.

use engine::{CodeOrigin, Engine, EntryError, ImportAlias, Limits, LoadError};

use crate::support::*;

const ALIASES: &[ImportAlias] = &[ImportAlias {
    alias: "alias:host",
    module: "host",
}];

/// Loads a module that is rejected, and returns the error with its causes.
#[track_caller]
fn load_error(text: &str) -> String {
    error_chain(&try_load(text).unwrap_err())
}

/// S9: the module that runs is the intended one.
#[test]
fn identifies_a_module_by_its_digest() {
    let wasm = wat::parse_str(r#"(module (func (export "run")))"#).unwrap();
    let module = engine().load(&wasm).unwrap();
    assert_eq!(*module.digest(), engine::Digest::compute(&wasm));
    assert_eq!(module.code_origin(), CodeOrigin::Compiled);
    assert!(module.has_function("run"));
    assert!(!module.has_function("walk"));
}

#[test]
fn rejects_an_unknown_import() {
    let error = load_error(r#"(module (import "env" "log" (func)))"#);
    let expected = "unknown import `env.log`: \
                    modules can import from `wasi_snapshot_preview1`, `host`, `wapc`, `env`";
    assert_eq!(error, expected);
}

#[test]
fn rejects_an_unknown_function_of_wasi() {
    let error = load_error(r#"(module (import "wasi_snapshot_preview1" "fd_wrote" (func)))"#);
    assert!(
        error.starts_with("unknown import `wasi_snapshot_preview1.fd_wrote`"),
        "{error}"
    );
}

#[test]
fn rejects_an_import_with_another_signature() {
    let error =
        load_error(r#"(module (import "wasi_snapshot_preview1" "fd_close" (func (param i64))))"#);
    let expected = "the module imports `wasi_snapshot_preview1.fd_close` as function (i64), \
                    but the host provides function (i32) -> i32";
    assert_eq!(error, expected);
}

#[test]
fn rejects_an_import_that_is_not_a_function() {
    let error = load_error(r#"(module (import "wasi_snapshot_preview1" "fd_close" (memory 1)))"#);
    assert!(error.contains("as memory of 64Ki"), "{error}");
}

#[test]
fn requires_an_exported_memory_from_a_module_with_imports() {
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
fn does_not_require_a_memory_from_a_module_without_imports() {
    assert!(try_load("(module)").is_ok());
}

#[test]
fn rejects_an_initialize_function_with_parameters() {
    let error = load_error(r#"(module (func (export "_initialize") (param i32)))"#);
    assert!(
        error.starts_with("the function `_initialize` cannot be called: "),
        "{error}"
    );
}

#[test]
fn rejects_more_initial_memory_than_the_pool_has() {
    let error = load_error("(module (memory 1025))");
    assert_eq!(
        error,
        "the initial memory of the module is 65600Ki, more than the maximum of 64Mi"
    );
    assert!(try_load("(module (memory 1024))").is_ok());
}

#[test]
fn rejects_larger_initial_tables_than_the_pool_has() {
    let error = load_error("(module (table 60000 funcref) (table 40001 funcref))");
    assert!(
        error.contains("the initial tables of the module have 100001 elements"),
        "{error}"
    );
    assert!(try_load("(module (table 60000 funcref) (table 40000 funcref))").is_ok());
}

#[test]
fn rejects_disabled_proposals() {
    let rejected = [
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
    for (proposal, text) in rejected {
        let error = try_load(text);
        assert!(
            matches!(error, Err(LoadError::Invalid(_))),
            "{proposal}: {error:?}"
        );
    }
}

#[test]
fn accepts_the_proposals_that_compilers_use() {
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
fn reports_the_offset_of_invalid_code() {
    let error = load_error("(module (func (result i32)))");
    assert!(error.contains("type mismatch"), "{error}");
    assert!(error.contains("offset"), "{error}");
}

#[test]
fn rejects_bytes_that_are_not_a_module() {
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
        let error = error_chain(&engine.load(bytes).unwrap_err());
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn rejects_a_truncated_module() {
    let wasm = wat::parse_str(format!("(module {STDIO})")).unwrap();
    let engine = engine();
    for len in 0..wasm.len() {
        // A file that ends between two sections can be valid.
        if let Ok(module) = engine.load(&wasm[..len]) {
            assert!(!module.has_function("run"));
        }
    }
}

#[test]
fn lists_the_exports_when_the_entry_point_is_missing() {
    let module = try_load(
        r#"(module (memory (export "memory") 1) (func (export "authn")) (func (export "helper") (param i32)))"#,
    );
    let error = module.unwrap().entry("validate").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the module does not export `validate`; it exports `authn`"
    );
}

#[test]
fn reports_that_there_are_no_exports() {
    let error = try_load("(module)").unwrap().entry("validate").unwrap_err();
    let expected = "the module does not export `validate`; \
                    it exports no function without parameters and results";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn reports_an_entry_point_that_is_not_a_function() {
    let module = try_load(r#"(module (memory (export "validate") 1 2))"#).unwrap();
    let error = module.entry("validate").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the export `validate` is a memory of 64Ki to 128Ki, not a function"
    );
}

#[test]
fn rejects_imports_of_other_conventions_in_an_entry_point() {
    let functions = [
        r#""wapc" "__console_log" (func (param i32 i32))"#,
        r#""alias:host" "call" (func (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32))"#,
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
        let wasm = wat::parse_str(wat).unwrap();
        let module = engine().load_with_aliases(&wasm, ALIASES).unwrap();
        let error = module.entry("validate").unwrap_err();
        assert!(matches!(error, EntryError::Import { .. }), "{error}");
        let expected = "it may import only from `wasi_snapshot_preview1`";
        assert!(error.to_string().ends_with(expected), "{error}");
    }
}

#[test]
fn links_imports_under_an_alias() {
    let wasm = wat::parse_str(
        r#"(module
            (import "alias:host" "call"
                (func (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "_start")))"#,
    )
    .unwrap();
    let engine = engine();
    let error = engine.load(&wasm).unwrap_err();
    assert!(matches!(error, LoadError::UnknownImport { .. }), "{error}");

    let module = engine.load_with_aliases(&wasm, ALIASES).unwrap();
    let command = module.command().unwrap();
    let limits = Limits::default();
    block_on(command.call(&[], Vec::new(), None, &limits, soon())).unwrap();
}

#[test]
fn rejects_imports_of_other_conventions_in_each_convention() {
    let wasm = wat::parse_str(
        r#"(module
            (import "env" "opa_abort" (func (param i32)))
            (memory (export "memory") 1)
            (func (export "_start"))
            (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#,
    )
    .unwrap();
    let module = engine().load(&wasm).unwrap();
    let errors = [module.command().unwrap_err(), module.wapc().unwrap_err()];
    for error in errors {
        assert!(matches!(error, EntryError::Import { .. }), "{error}");
    }
}

#[test]
fn reports_the_signature_of_an_entry_point() {
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
fn rejects_a_maximum_memory_out_of_range() {
    for max in ["0", "63Ki", "5Gi"] {
        let options = engine::Options {
            max_memory: max.parse().unwrap(),
            ..options()
        };
        let error = Engine::new(options).err().unwrap();
        assert!(error.to_string().contains("from 64Ki to 4Gi"), "{error}");
    }
}
