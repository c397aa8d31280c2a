//! The guests: programs and languages, with their inputs and expected responses.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

/// The function of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Converts ASCII letters to upper case. The work is minimal, so that the calling convention
    /// dominates.
    Upper,
    /// Parses a TokenReview, checks the token and responds, as a module of k8s-wasm does.
    Token,
}

/// A program in a language: one file for all runtimes, and possibly a component.
#[derive(Debug, PartialEq, Eq)]
pub struct Guest {
    /// Function of the guest.
    pub program: Program,
    /// Language and style, as in tables.
    pub name: &'static str,
    /// Name of the file, without `.wasm`.
    pub file: &'static str,
    /// Reason for the absence of a component; `None` if there is one.
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

/// All guests.
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
    /// Returns the path of the core module.
    pub fn core(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.wasm", self.file))
    }

    /// Returns the path of the core module that is converted to a component.
    pub fn component_core(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.component.wasm", self.file))
    }

    /// Returns the reason for the absence of the file, if it could not be built.
    pub fn missing(&self, folder: &Path) -> Option<String> {
        let language = self.file.split('_').next().unwrap_or_default();
        std::fs::read_to_string(folder.join(format!("{language}.missing"))).ok()
    }
}

impl Program {
    /// Returns the name in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Upper => "upper",
            Self::Token => "token",
        }
    }

    /// Returns the names of the input sizes.
    pub fn sizes(self) -> &'static [&'static str] {
        match self {
            Self::Upper => &["10B", "1KB", "100KB", "1MB"],
            Self::Token => &["review"],
        }
    }

    /// Returns the input of a size.
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

    /// Checks the response to an input.
    pub fn check(self, input: &[u8], response: &[u8]) -> Result<()> {
        match self {
            Self::Upper => ensure!(response == input.to_ascii_uppercase(), "not in upper case"),
            Self::Token => check_review(input, response)?,
        }
        Ok(())
    }
}

/// Returns a TokenReview with the token that the guests accept, as kube-apiserver sends it.
fn review() -> Vec<u8> {
    json!({
        "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {},
        "spec": {"token": "magic-token", "audiences": ["https://kubernetes.default.svc.cluster.local"]},
        "status": {"user": {}}
    })
    .to_string()
    .into_bytes()
}

/// Checks kind and status of a review. The response may contain the request or not.
fn check_review(input: &[u8], response: &[u8]) -> Result<()> {
    let input: Value = serde_json::from_slice(input)?;
    let response: Value = serde_json::from_slice(response).context("the response is not JSON")?;
    let status = json!({
        "authenticated": true,
        "user": {"username": "magic-user", "uid": "0", "groups": ["magic-group"]},
        "audiences": input["spec"]["audiences"],
    });
    for member in ["apiVersion", "kind"] {
        ensure!(response[member] == input[member], "`{member}` differs");
    }
    ensure!(response["status"] == status, "the status is wrong");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_only_correct_responses() {
        let input = review();
        let mut response: Value = serde_json::from_slice(&input).unwrap();
        let check = |value: &Value| Program::Token.check(&input, value.to_string().as_bytes());
        assert!(check(&response).is_err());
        response["status"] = json!({
            "authenticated": true,
            "user": {"username": "magic-user", "uid": "0", "groups": ["magic-group"]},
            "audiences": ["https://kubernetes.default.svc.cluster.local"],
        });
        assert!(check(&response).is_ok());
        response["kind"] = json!("AccessReview");
        assert!(check(&response).is_err());
        assert!(Program::Upper.check(b"a-b", b"A-B").is_ok());
        assert!(Program::Upper.check(b"a-b", b"a-B").is_err());
    }
}
