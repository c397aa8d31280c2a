//! Modules in the WebAssembly text format.

/// Writes this output for every review.
pub fn writing(entry_point: &str, stdout: &str) -> Vec<u8> {
    let text: String = stdout.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    let length: String = u32::try_from(stdout.len())
        .unwrap()
        .to_le_bytes()
        .iter()
        .map(|byte| format!("\\{byte:02x}"))
        .collect();
    module(&format!(
        r#"(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\10\00\00\00{length}")
        (data (i32.const 16) "{text}")
        (func (export "{entry_point}")
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"#
    ))
}

/// Traps.
pub fn trapping(entry_point: &str) -> Vec<u8> {
    module(&format!(
        r#"(memory (export "memory") 1) (func (export "{entry_point}") unreachable)"#
    ))
}

/// Never returns.
pub fn endless(entry_point: &str) -> Vec<u8> {
    module(&format!(
        r#"(memory (export "memory") 1) (func (export "{entry_point}") (loop (br 0)))"#
    ))
}

/// A Kubewarden policy that accepts all settings and returns this response.
pub fn kubewarden(response: &str) -> Vec<u8> {
    let (length, response) = (response.len(), response.escape_default());
    module(&format!(
        r#"(import "wapc" "__guest_response" (func $response (param i32 i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "{{\22valid\22:true}}") (data (i32.const 64) "{response}")
        (func (export "__guest_call") (param $operation i32) (param i32) (result i32)
            (if (i32.eq (local.get $operation) (i32.const 8))
                (then (call $response (i32.const 64) (i32.const {length})))
                (else (call $response (i32.const 0) (i32.const 14))))
            (i32.const 1))"#
    ))
}

fn module(body: &str) -> Vec<u8> {
    wat::parse_str(format!("(module {body})")).unwrap()
}

/// Knows every token.
pub fn authenticator() -> Vec<u8> {
    writing(
        "authn",
        r#"{"response":{"status":{"authenticated":true,"user":{"username":"magic-user"}}}}"#,
    )
}

/// Allows everything.
pub fn authorizer() -> Vec<u8> {
    writing(
        "authz",
        r#"{"response":{"status":{"allowed":true,"reason":"magic"}}}"#,
    )
}

/// Accepts everything.
pub fn accepting() -> Vec<u8> {
    writing(
        "validate",
        r#"{"response":{"response":{"uid":"","allowed":true}}}"#,
    )
}

/// Rejects everything.
pub fn rejecting() -> Vec<u8> {
    writing(
        "validate",
        r#"{"response":{"response":{"uid":"","allowed":false,"status":{"message":"not today"}}}}"#,
    )
}

/// Adds a value. The patch is `[{"op":"add","path":"/data","value":{"magic":"foobar"}}]`.
pub fn mutator() -> Vec<u8> {
    writing(
        "mutate",
        r#"{"response":{"response":{"uid":"","allowed":true,"patchType":"JSONPatch",
        "patch":"W3sib3AiOiJhZGQiLCJwYXRoIjoiL2RhdGEiLCJ2YWx1ZSI6eyJtYWdpYyI6ImZvb2JhciJ9fV0="}}}"#,
    )
}
