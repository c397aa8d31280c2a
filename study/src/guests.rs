//! The guests: programs, languages, what they are asked and what they must answer.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

/// What a guest does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// ASCII letters in upper case: the work is next to nothing, what is left is the way there and back.
    Upper,
    /// A TokenReview is read, checked and answered: what a module of k8s-wasm does.
    Token,
}

/// A program in a language. One file for all runtimes, and one as a component where there is one.
#[derive(Debug, PartialEq, Eq)]
pub struct Guest {
    /// What it does.
    pub program: Program,
    /// Language and style, as tables call it.
    pub name: &'static str,
    /// The name of its file, without `.wasm`.
    pub file: &'static str,
    /// Why there is no component of it; none: there is one.
    pub no_component: Option<&'static str>,
}

const GO_COMPONENT: Option<&str> =
    Some("Go's runtime calls WASI when it starts, and the study has no host of WASI 0.2");

const fn guest(program: Program, name: &'static str, file: &'static str) -> Guest {
    Guest {
        program,
        name,
        file,
        no_component: None,
    }
}

/// All of them.
pub static GUESTS: [Guest; 7] = [
    guest(Program::Upper, "rust", "rust_upper"),
    guest(Program::Upper, "c", "c_upper"),
    Guest {
        no_component: GO_COMPONENT,
        ..guest(Program::Upper, "go", "go_upper")
    },
    guest(Program::Token, "rust-typed", "rust_token_typed"),
    guest(Program::Token, "rust-value", "rust_token_value"),
    guest(Program::Token, "c", "c_token"),
    Guest {
        no_component: GO_COMPONENT,
        ..guest(Program::Token, "go", "go_token")
    },
];

impl Guest {
    /// The core module in the folder of guests.
    pub fn core(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.wasm", self.file))
    }

    /// The core module that becomes a component.
    pub fn component_core(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.component.wasm", self.file))
    }

    /// Why its file is not there, when building it was not possible.
    pub fn missing(&self, folder: &Path) -> Option<String> {
        let language = self.file.split('_').next().unwrap_or_default();
        std::fs::read_to_string(folder.join(format!("{language}.missing"))).ok()
    }
}

impl Program {
    /// What tables and files call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Upper => "upper",
            Self::Token => "token",
        }
    }

    /// The sizes of what it is asked, with the names that tables give them.
    pub fn sizes(self) -> &'static [&'static str] {
        match self {
            Self::Upper => &["10B", "1KB", "100KB", "1MB"],
            Self::Token => &["review"],
        }
    }

    /// What it is asked.
    pub fn input(self, size: &str) -> Vec<u8> {
        let text = b"The quick brown fox jumps over the lazy dog. ";
        let length = match size {
            "10B" => 10,
            "1KB" => 1_000,
            "100KB" => 100_000,
            "1MB" => 1_000_000,
            _ => return review(),
        };
        text.iter().copied().cycle().take(length).collect()
    }

    /// Whether the answer is right.
    pub fn check(self, input: &[u8], answer: &[u8]) -> Result<()> {
        match self {
            Self::Upper => ensure!(answer == input.to_ascii_uppercase(), "not in upper case"),
            Self::Token => check_review(input, answer)?,
        }
        Ok(())
    }
}

/// A TokenReview with the token that the guests know, as kube-apiserver sends it.
fn review() -> Vec<u8> {
    json!({
        "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {},
        "spec": {"token": "magic-token", "audiences": ["https://kubernetes.default.svc.cluster.local"]},
        "status": {"user": {}}
    })
    .to_string()
    .into_bytes()
}

/// An answer may carry the question or leave it out; kind and status must be right.
fn check_review(input: &[u8], answer: &[u8]) -> Result<()> {
    let input: Value = serde_json::from_slice(input)?;
    let answer: Value = serde_json::from_slice(answer).context("the answer is no JSON")?;
    let status = json!({
        "authenticated": true,
        "user": {"username": "magic-user", "uid": "0", "groups": ["magic-group"]},
        "audiences": input["spec"]["audiences"],
    });
    for member in ["apiVersion", "kind"] {
        ensure!(answer[member] == input[member], "`{member}` is another one");
    }
    ensure!(answer["status"] == status, "the status is wrong");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_a_right_answer_and_no_other() {
        let input = review();
        let mut answer: Value = serde_json::from_slice(&input).unwrap();
        let check = |answer: &Value| Program::Token.check(&input, answer.to_string().as_bytes());
        assert!(check(&answer).is_err());
        answer["status"] = json!({
            "authenticated": true,
            "user": {"username": "magic-user", "uid": "0", "groups": ["magic-group"]},
            "audiences": ["https://kubernetes.default.svc.cluster.local"],
        });
        assert!(check(&answer).is_ok());
        answer["kind"] = json!("AccessReview");
        assert!(check(&answer).is_err());
        assert!(Program::Upper.check(b"a-b", b"A-B").is_ok());
        assert!(Program::Upper.check(b"a-b", b"a-B").is_err());
    }
}
