//! Modules whose entry points write a given response, trap or loop.

use std::fmt::Write;

/// The behaviour of an entry point.
pub(crate) enum Behavior<'a> {
    /// Writes a text to stdout.
    Writes(&'a str),
    /// Writes a text to stderr, and traps.
    Traps(&'a str),
    /// Never returns.
    Loops,
}

/// Returns a module with the given entry points.
pub(crate) fn module(entry_points: &[(&str, Behavior<'_>)]) -> Vec<u8> {
    let mut text = String::from(
        "(module
           (import \"wasi_snapshot_preview1\" \"fd_write\"
             (func $fd_write (param i32 i32 i32 i32) (result i32)))
           (memory (export \"memory\") 1)",
    );
    let mut start = 1024;
    for (name, behavior) in entry_points {
        let (descriptor, output, end) = match behavior {
            Behavior::Writes(output) => (1, *output, ""),
            Behavior::Traps(output) => (2, *output, "unreachable"),
            Behavior::Loops => (2, "", "(loop (br 0))"),
        };
        let bytes: String = output.bytes().fold(String::new(), |mut bytes, byte| {
            write!(bytes, "\\{byte:02x}").unwrap();
            bytes
        });
        let length = output.len();
        write!(
            text,
            "(data (i32.const {start}) \"{bytes}\")
             (func ${name} (export \"{name}\")
               (i32.store (i32.const 0) (i32.const {start}))
               (i32.store (i32.const 4) (i32.const {length}))
               (drop (call $fd_write (i32.const {descriptor}) (i32.const 0) (i32.const 1) (i32.const 8)))
               {end})"
        )
        .unwrap();
        start += length;
    }
    text.push(')');
    wat::parse_str(&text).unwrap()
}

/// Returns a module that authenticates every token.
pub(crate) fn knows() -> Vec<u8> {
    module(&[(
        "authn",
        Behavior::Writes(
            r#"{"response":{"status":{"authenticated":true,"user":{"username":"magic-user","uid":"0","groups":["magic-group"]}}}}"#,
        ),
    )])
}

/// Returns a module that authenticates no token.
pub(crate) fn knows_nothing() -> Vec<u8> {
    module(&[(
        "authn",
        Behavior::Writes(r#"{"response":{"status":{"authenticated":false}}}"#),
    )])
}

/// Returns a module that denies every request.
pub(crate) fn denies() -> Vec<u8> {
    module(&[(
        "authz",
        Behavior::Writes(r#"{"response":{"status":{"denied":true,"reason":"not on a Sunday"}}}"#),
    )])
}

/// Returns a module that rejects every object.
pub(crate) fn rejects() -> Vec<u8> {
    let response = r#"{"response":{"response":{"allowed":false,"status":{"message":"the key `not-allowed-value` is not allowed"},"warnings":["values are checked"]}}}"#;
    module(&[("validate", Behavior::Writes(response))])
}

/// Returns a module that accepts every object.
pub(crate) fn accepts() -> Vec<u8> {
    module(&[(
        "validate",
        Behavior::Writes(r#"{"response":{"response":{"allowed":true}}}"#),
    )])
}

/// Returns a module that adds `magic-value: foobar` to `test_dir::CONFIG_MAP`.
pub(crate) fn patches() -> Vec<u8> {
    module(&[("mutate", Behavior::Writes(PATCHED))])
}

/// Returns a module that exports `mutate` and `validate`.
pub(crate) fn both() -> Vec<u8> {
    let accepts = r#"{"response":{"response":{"allowed":true}}}"#;
    module(&[
        ("mutate", Behavior::Writes(PATCHED)),
        ("validate", Behavior::Writes(accepts)),
    ])
}

/// Returns a module that traps in every entry point.
pub(crate) fn traps() -> Vec<u8> {
    let traps = || Behavior::Traps("the table of users is empty\n");
    module(&[
        ("authn", traps()),
        ("authz", traps()),
        ("validate", traps()),
        ("mutate", traps()),
    ])
}

/// Returns a module that never responds.
pub(crate) fn loops() -> Vec<u8> {
    module(&[("authn", Behavior::Loops)])
}

/// A response with the patch `[{"op":"add","path":"/data/magic-value","value":"foobar"}]`
const PATCHED: &str = r#"{"response":{"response":{"allowed":true,"patchType":"JSONPatch","patch":"W3sib3AiOiJhZGQiLCJwYXRoIjoiL2RhdGEvbWFnaWMtdmFsdWUiLCJ2YWx1ZSI6ImZvb2JhciJ9XQ=="}}}"#;
