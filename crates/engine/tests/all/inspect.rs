//! Inspection of modules without running them.

use engine::{ByteSize, ExternType, MemoryType, TableType, inspect};

#[test]
fn lists_imports_exports_and_sections_with_their_types() {
    let wasm = wat::parse_str(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
            (func $run (export "validate"))
            (export "close" (func $close))
            (memory (export "memory") 2 4)
            (table (export "table") 3 funcref)
            (global (export "global") i32 (i32.const 1))
            (@custom "metadata" "{}"))"#,
    )
    .unwrap();
    let inspection = inspect(&wasm).unwrap();

    assert_eq!(inspection.size, ByteSize::from_bytes(wasm.len() as u64));
    let import = &inspection.imports[0];
    assert_eq!(
        (import.module.as_str(), import.name.as_str()),
        ("wasi_snapshot_preview1", "fd_close")
    );
    assert_eq!(import.ty.to_string(), "function (i32) -> i32");

    let exports: Vec<_> = inspection
        .exports
        .iter()
        .map(|export| format!("{}: {}", export.name, export.ty))
        .collect();
    let expected = [
        "validate: function ()",
        "close: function (i32) -> i32",
        "memory: memory of 128Ki to 256Ki",
        "table: table of 3 elements",
        "global: global",
    ];
    assert_eq!(exports, expected);

    let memory = MemoryType {
        initial: ByteSize::kib(128),
        maximum: Some(ByteSize::kib(256)),
    };
    assert_eq!(inspection.memories, [memory]);
    assert_eq!(
        inspection.tables,
        [TableType {
            initial: 3,
            maximum: None
        }]
    );
    assert!(inspection.has_function_names());
    let metadata = inspection
        .custom_sections
        .iter()
        .find(|section| section.name == "metadata");
    assert_eq!(&wasm[metadata.unwrap().range.clone()], b"{}");
}

#[test]
fn finds_an_export_by_name() {
    let wasm = wat::parse_str(
        r#"(module (func (export "a") (result i32 i64) (i32.const 1) (i64.const 1)))"#,
    );
    let inspection = inspect(&wasm.unwrap()).unwrap();
    let export = inspection.export("a").unwrap();
    assert!(matches!(&export.ty, ExternType::Function(ty) if !ty.is_nullary()));
    assert_eq!(export.ty.to_string(), "function () -> (i32, i64)");
    assert!(inspection.export("b").is_none());
    assert!(!inspection.has_function_names());
}

#[test]
fn reports_the_offset_of_a_malformed_section() {
    let mut wasm = wat::parse_str(r#"(module (func (export "run")))"#).unwrap();
    wasm.truncate(wasm.len() - 3);
    let error = inspect(&wasm).unwrap_err();
    assert!(
        crate::support::error_chain(&error).contains("offset 0x"),
        "{error:?}"
    );
}

/// An export section whose only entry refers to a function, a table or a memory that does not exist.
#[test]
fn rejects_an_export_of_a_missing_item() {
    for kind in 0..=2 {
        let wasm = [b"\0asm\x01\0\0\0".as_slice(), &[7, 5, 1, 1, b'x', kind, 9]].concat();
        let error = crate::support::error_chain(&inspect(&wasm).unwrap_err());
        assert!(
            error.contains("the export `x` refers to an item that does not exist"),
            "{error}"
        );
    }
}

/// A function section that refers to a type that does not exist, and an export of that function.
#[test]
fn rejects_a_function_with_a_missing_type() {
    let wasm = [
        b"\0asm\x01\0\0\0".as_slice(),
        &[3, 2, 1, 5],
        &[7, 5, 1, 1, b'x', 0, 0],
    ]
    .concat();
    let error = crate::support::error_chain(&inspect(&wasm).unwrap_err());
    assert!(error.contains("type 5 is not a function type"), "{error}");
}
