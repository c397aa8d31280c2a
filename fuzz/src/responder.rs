//! A module whose output is encoded in its input, so that one compiled module stands for all modules.
//!
//! It finds the first `~` in its input and decodes the hexadecimal digits that follow it.

/// Encodes the output of the module; the result belongs into a string of the request.
pub fn encode(output: &[u8]) -> String {
    let mut text = String::with_capacity(output.len() * 2 + 1);
    text.push('~');
    for byte in output {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// Returns a module of our own protocol with every entry point, as text.
pub fn module() -> String {
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 16)
            {DECODE}
            (func $respond (export "authn") (export "authz") (export "validate") (export "mutate")
                (i32.store (i32.const 4) (i32.const {MAX_INPUT}))
                (i32.store (i32.const 0) (i32.const {INPUT}))
                (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
                (i32.store (i32.const 4) (call $decode))
                (i32.store (i32.const 0) (i32.const {OUTPUT}))
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#
    )
}

/// Returns a Kubewarden policy in waPC that accepts all settings, as text.
pub fn kubewarden() -> String {
    format!(
        r#"(module
            (import "wapc" "__guest_request" (func $request (param i32 i32)))
            (import "wapc" "__guest_response" (func $respond (param i32 i32)))
            (memory (export "memory") 16)
            (data (i32.const 16) "{{\22valid\22:true}}")
            {DECODE}
            (func (export "__guest_call") (param $operation i32) (param i32) (result i32)
                (call $request (i32.const 64) (i32.const {INPUT}))
                (if (i32.eq (local.get $operation) (i32.const 8))
                    (then (call $respond (i32.const {OUTPUT}) (call $decode)))
                    (else (call $respond (i32.const 16) (i32.const 14))))
                (i32.const 1)))"#
    )
}

const INPUT: u32 = 1024;
const MAX_INPUT: u32 = OUTPUT - INPUT;
const OUTPUT: u32 = 512 << 10;

/// The function `$decode`, which writes the output and returns its length. The memory after the
/// input is zero, which ends the digits.
const DECODE: &str = r#"
    (func $digit (param $at i32) (result i32) (local $c i32)
        (local.set $c (i32.load8_u (local.get $at)))
        (if (i32.lt_u (i32.sub (local.get $c) (i32.const 48)) (i32.const 10))
            (then (return (i32.sub (local.get $c) (i32.const 48)))))
        (if (i32.lt_u (i32.sub (local.get $c) (i32.const 97)) (i32.const 6))
            (then (return (i32.sub (local.get $c) (i32.const 87)))))
        (i32.const -1))
    (func $decode (result i32) (local $in i32) (local $out i32) (local $digit i32)
        (local.set $in (i32.const 1024))
        (loop $seek
            (if (i32.ne (i32.load8_u (local.get $in)) (i32.const 126)) (then
                (local.set $in (i32.add (local.get $in) (i32.const 1)))
                (br_if $seek (i32.lt_u (local.get $in) (i32.const 524288))))))
        (local.set $in (i32.add (local.get $in) (i32.const 1)))
        (block $end (loop $next
            (br_if $end (i32.lt_s (local.tee $digit (call $digit (local.get $in))) (i32.const 0)))
            (i32.store8 offset=524288 (local.get $out) (i32.or
                (i32.shl (local.get $digit) (i32.const 4))
                (call $digit (i32.add (local.get $in) (i32.const 1)))))
            (local.set $out (i32.add (local.get $out) (i32.const 1)))
            (local.set $in (i32.add (local.get $in) (i32.const 2)))
            (br $next)))
        (local.get $out))"#;
