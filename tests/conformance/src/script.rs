//! Scripted modules for stories: they search their input for words and act on the first match.
//!
//! A script compiles to WebAssembly text, so that a story can define a module that traps, hangs or
//! returns an unusual response next to the line that expects it. It searches the raw bytes on
//! stdin.

use std::fmt::Write as _;

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

/// A placeholder in a response that each call replaces by sixteen random letters.
pub const RANDOM: &str = "????????????????";

/// The action of a script.
#[derive(Debug, Clone)]
pub enum Action {
    /// Writes this envelope.
    Respond(Value),
    /// Executes `unreachable`.
    Trap,
    /// Loops forever.
    Hang,
}

/// A module with one entry point.
#[derive(Debug, Clone)]
pub struct Script {
    entry_point: &'static str,
    cases: Vec<(String, Action)>,
    otherwise: Action,
}

impl Script {
    /// Creates an authenticator that recognizes no token.
    #[must_use]
    pub fn authenticator() -> Self {
        Self::new("authn", &json!({ "status": { "authenticated": false } }))
    }

    /// Creates an authorizer without an opinion.
    #[must_use]
    pub fn authorizer() -> Self {
        Self::new("authz", &json!({ "status": { "allowed": false } }))
    }

    /// Creates a validator that accepts everything.
    #[must_use]
    pub fn validator() -> Self {
        Self::new("validate", &json!({ "response": { "allowed": true } }))
    }

    /// Creates a mutator that changes nothing.
    #[must_use]
    pub fn mutator() -> Self {
        Self::new("mutate", &json!({ "response": { "allowed": true } }))
    }

    /// Takes an action if the input contains `word`. Earlier cases take precedence.
    #[must_use]
    pub fn when(mut self, word: &str, action: Action) -> Self {
        self.cases.push((word.to_owned(), action));
        self
    }

    /// Responds with `review` if the input contains `word`.
    #[must_use]
    pub fn responds(self, word: &str, review: &Value) -> Self {
        self.when(word, Action::Respond(envelope(review)))
    }

    /// Applies a JSON Patch (RFC 6902) if the input contains `word`; for mutators.
    #[must_use]
    pub fn patches(self, word: &str, patch: &Value) -> Self {
        let patch = BASE64.encode(patch.to_string());
        let response = json!({ "allowed": true, "patchType": "JSONPatch", "patch": patch });
        self.responds(word, &json!({ "response": response }))
    }

    /// Rejects with `message` if the input contains `word`; for validators and mutators.
    #[must_use]
    pub fn rejects(self, word: &str, message: &str) -> Self {
        let status = json!({ "message": message });
        self.responds(
            word,
            &json!({ "response": { "allowed": false, "status": status } }),
        )
    }

    /// Accepts with a warning if the input contains `word`; for validators and mutators.
    #[must_use]
    pub fn warns(self, word: &str, warning: &str) -> Self {
        self.responds(
            word,
            &json!({ "response": { "allowed": true, "warnings": [warning] } }),
        )
    }

    /// Compiles the module.
    ///
    /// # Errors
    /// If the words and responses do not fit in their part of the memory.
    pub fn compile(&self) -> Result<Vec<u8>> {
        let mut texts = Texts::default();
        let mut body = String::new();
        for (word, action) in &self.cases {
            let word = texts.place(word)?;
            let action = action.compile(&mut texts)?;
            writeln!(
                body,
                "(if (call $contains {word}) (then {action} (return)))"
            )?;
        }
        body.push_str(&self.otherwise.compile(&mut texts)?);
        let module = PROGRAM
            .replace("ENTRY_POINT", self.entry_point)
            .replace("BODY", &body)
            .replace("TEXTS", &texts.data);
        Ok(wat::parse_str(module)?)
    }

    fn new(entry_point: &'static str, review: &Value) -> Self {
        Self {
            entry_point,
            cases: Vec::new(),
            otherwise: Action::Respond(envelope(review)),
        }
    }
}

fn envelope(review: &Value) -> Value {
    json!({ "response": review })
}

impl Action {
    fn compile(&self, texts: &mut Texts) -> Result<String> {
        Ok(match self {
            Self::Trap => "unreachable".to_owned(),
            Self::Hang => "(loop $forever (br $forever))".to_owned(),
            Self::Respond(response) => {
                let response = response.to_string();
                let start = texts.end;
                let write = format!("(call $write {})", texts.place(&response)?);
                match response.find(RANDOM) {
                    Some(offset) => {
                        format!("(call $randomize (i32.const {})) {write}", start + offset)
                    }
                    None => write,
                }
            }
        })
    }
}

/// The strings of a module, from address 1024 to the second page, where the input starts.
struct Texts {
    data: String,
    end: usize,
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            data: String::new(),
            end: 1024,
        }
    }
}

impl Texts {
    /// Adds `text` to memory. Returns two operands, its address and its length.
    fn place(&mut self, text: &str) -> Result<String> {
        let start = self.end;
        self.end += text.len();
        ensure!(
            self.end < 65_536,
            "the texts of a script do not fit in a page"
        );
        write!(self.data, "(data (i32.const {start}) \"")?;
        for byte in text.bytes() {
            write!(self.data, "\\{byte:02x}")?;
        }
        self.data.push_str("\")\n");
        Ok(format!("(i32.const {start}) (i32.const {})", text.len()))
    }
}

/// The module. Memory: an iovec at 0, the number of bytes read or written at 8, texts from 1024,
/// the input from 65536. 160 pages hold the largest review.
const PROGRAM: &str = r#"
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (memory (export "memory") 160)
  (global $input_end (mut i32) (i32.const 65536))
  TEXTS
  (func $iovec (param $address i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $address))
    (i32.store (i32.const 4) (local.get $length)))
  (func $read
    (loop $more
      (call $iovec (global.get $input_end) (i32.sub (i32.const 10485760) (global.get $input_end)))
      (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (global.set $input_end (i32.add (global.get $input_end) (i32.load (i32.const 8))))
      (br_if $more (i32.load (i32.const 8)))))
  (func $write (param $address i32) (param $length i32)
    (call $iovec (local.get $address) (local.get $length))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $randomize (param $address i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $address) (i32.const 16)))
    (drop (call $random_get (local.get $address) (i32.const 16)))
    (loop $next
      (i32.store8 (local.get $address)
        (i32.add (i32.const 97) (i32.and (i32.load8_u (local.get $address)) (i32.const 15))))
      (local.set $address (i32.add (local.get $address) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $address) (local.get $end)))))
  (func $contains (param $word i32) (param $length i32) (result i32)
    (local $start i32) (local $last i32) (local $i i32)
    (local.set $start (i32.const 65536))
    (local.set $last (i32.sub (global.get $input_end) (local.get $length)))
    (block $absent
      (loop $next_start
        (br_if $absent (i32.gt_u (local.get $start) (local.get $last)))
        (local.set $i (i32.const 0))
        (block $differs
          (loop $next_byte
            (br_if $differs (i32.ne
              (i32.load8_u (i32.add (local.get $start) (local.get $i)))
              (i32.load8_u (i32.add (local.get $word) (local.get $i)))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $next_byte (i32.lt_u (local.get $i) (local.get $length))))
          (return (i32.const 1)))
        (local.set $start (i32.add (local.get $start) (i32.const 1)))
        (br $next_start)))
    (i32.const 0))
  (func (export "ENTRY_POINT")
    (call $read)
    BODY))
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiles_all_actions() {
        let script = Script::validator()
            .when("trap", Action::Trap)
            .when("hang", Action::Hang)
            .rejects("\"quoted\"", "no \u{1F980}")
            .responds("random", &json!({ "uid": RANDOM }));
        let module = script.compile().unwrap();
        assert!(module.starts_with(b"\0asm"));
    }

    #[test]
    fn rejects_more_than_a_page_of_texts() {
        let error = Script::mutator()
            .warns("x", &"x".repeat(70_000))
            .compile()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the texts of a script do not fit in a page"
        );
    }
}
