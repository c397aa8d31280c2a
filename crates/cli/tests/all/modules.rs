//! Modules whose entry points write what they are told, or fail.

use std::fmt::Write;

/// What an entry point does.
pub(crate) enum Does<'a> {
    /// Writes this to stdout.
    Answers(&'a str),
    /// Writes this to stderr and traps.
    Traps(&'a str),
    /// Never comes to an end.
    Loops,
}

/// A module with these entry points.
pub(crate) fn module(entry_points: &[(&str, Does<'_>)]) -> Vec<u8> {
    let mut text = String::from(
        "(module
           (import \"wasi_snapshot_preview1\" \"fd_write\"
             (func $fd_write (param i32 i32 i32 i32) (result i32)))
           (memory (export \"memory\") 1)",
    );
    let mut start = 1024;
    for (name, does) in entry_points {
        let (descriptor, output, end) = match does {
            Does::Answers(output) => (1, *output, ""),
            Does::Traps(output) => (2, *output, "unreachable"),
            Does::Loops => (2, "", "(loop (br 0))"),
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

/// Knows every token.
pub(crate) fn knows() -> Vec<u8> {
    module(&[(
        "authn",
        Does::Answers(
            r#"{"response":{"status":{"authenticated":true,"user":{"username":"magic-user","uid":"0","groups":["magic-group"]}}}}"#,
        ),
    )])
}

/// Knows no token.
pub(crate) fn stranger() -> Vec<u8> {
    module(&[(
        "authn",
        Does::Answers(r#"{"response":{"status":{"authenticated":false}}}"#),
    )])
}

/// Denies everything.
pub(crate) fn denies() -> Vec<u8> {
    module(&[(
        "authz",
        Does::Answers(r#"{"response":{"status":{"denied":true,"reason":"not on a Sunday"}}}"#),
    )])
}

/// Rejects every object.
pub(crate) fn rejects() -> Vec<u8> {
    let answer = r#"{"response":{"response":{"allowed":false,"status":{"message":"the key `not-allowed-value` is not allowed"},"warnings":["values are checked"]}}}"#;
    module(&[("validate", Does::Answers(answer))])
}

/// Accepts every object.
pub(crate) fn accepts() -> Vec<u8> {
    module(&[(
        "validate",
        Does::Answers(r#"{"response":{"response":{"allowed":true}}}"#),
    )])
}

/// Adds `magic-value: foobar` to the config map of `place::CONFIG_MAP`.
pub(crate) fn changes() -> Vec<u8> {
    module(&[("mutate", Does::Answers(CHANGED))])
}

/// Can both mutate and validate.
pub(crate) fn both() -> Vec<u8> {
    let accepts = r#"{"response":{"response":{"allowed":true}}}"#;
    module(&[
        ("mutate", Does::Answers(CHANGED)),
        ("validate", Does::Answers(accepts)),
    ])
}

/// Fails in every entry point.
pub(crate) fn traps() -> Vec<u8> {
    let traps = || Does::Traps("the table of users is empty\n");
    module(&[
        ("authn", traps()),
        ("authz", traps()),
        ("validate", traps()),
        ("mutate", traps()),
    ])
}

/// Does not answer before its deadline.
pub(crate) fn loops() -> Vec<u8> {
    module(&[("authn", Does::Loops)])
}

/// `[{"op":"add","path":"/data/magic-value","value":"foobar"}]`
const CHANGED: &str = r#"{"response":{"response":{"allowed":true,"patchType":"JSONPatch","patch":"W3sib3AiOiJhZGQiLCJwYXRoIjoiL2RhdGEvbWFnaWMtdmFsdWUiLCJ2YWx1ZSI6ImZvb2JhciJ9XQ=="}}}"#;
