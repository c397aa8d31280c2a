//! The Go modules of this repository: the versions in their `go.mod`, and commands to build them.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::context::Context;
use crate::process;

/// A folder with a `go.mod`.
#[derive(Clone, Copy)]
pub struct Module {
    folder: &'static str,
}

impl Module {
    /// Both API servers; one module, so that the version of Kubernetes is pinned once.
    pub const APISERVER: Self = Self {
        folder: "apiserver",
    };

    /// The etcd of the API servers.
    pub const ETCD: Self = Self {
        folder: "apiserver/etcd",
    };

    /// Creates the command `go <verb>`, run in the folder.
    ///
    /// All builds use the same flags, so that they share Go's build cache: Kubernetes takes minutes
    /// to compile.
    pub fn go(&self, context: &Context, verb: &str) -> Command {
        let mut go = self.command(context, "go");
        go.args([verb, "-mod=readonly", "-trimpath"])
            .env("CGO_ENABLED", "1");
        go
    }

    /// Creates a command that runs in the folder.
    pub fn command(&self, context: &Context, program: &str) -> Command {
        let mut command = context.command(program);
        command.current_dir(context.root.join(self.folder));
        command
    }

    /// Checks the version of Go. The error names what to install to build `program`, and the
    /// alternative `otherwise`.
    pub fn check(&self, context: &Context, program: &str, otherwise: &str) -> Result<()> {
        let needed =
            required_version(&self.go_mod(context)?, "go").context("go.mod has no go line")?;
        let advice = format!(
            "building {program} requires Go {needed} or newer: install it (https://go.dev/dl), or {otherwise}"
        );
        // Run in the folder of the module, where an older Go may download the required toolchain.
        let mut go = self.command(context, "go");
        go.args(["env", "GOVERSION"]);
        let found = process::output(go).context(advice.clone())?;
        if release(&found) < release(&needed) {
            bail!("{advice}; found {}", found.trim());
        }
        Ok(())
    }

    /// Returns the version of a published module in `go.mod`, without the `v`.
    pub fn version_of(&self, context: &Context, published: &str) -> Result<String> {
        required_version(&self.go_mod(context)?, published)
            .with_context(|| format!("{}/go.mod does not require {published}", self.folder))
    }

    fn go_mod(&self, context: &Context) -> Result<String> {
        let path = context.root.join(self.folder).join("go.mod");
        fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))
    }
}

/// Parses the version of `module` in a `go.mod`, without the `v`. The Go language is the module `go`.
fn required_version(go_mod: &str, module: &str) -> Option<String> {
    go_mod.lines().find_map(|line| {
        let mut words = line
            .trim()
            .trim_start_matches("require ")
            .split_whitespace();
        let version = (words.next()? == module).then(|| words.next())??;
        Some(version.trim_start_matches('v').to_owned())
    })
}

/// Parses major and minor of versions such as `1.36.3` and `go1.26.8`; `(0, 0)` for other texts.
pub fn release(version: &str) -> (u32, u32) {
    let mut parts = version
        .trim()
        .trim_start_matches("go")
        .split('.')
        .map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GO_MOD: &str = "module m\n\ngo 1.26.0\n\nrequire go.etcd.io/etcd/server/v3 v3.6.16\n\nrequire (\n\tk8s.io/component-base v0.36.3\n\tk8s.io/kubernetes v1.36.3\n)\n";

    #[test]
    fn reads_versions_from_go_mod() {
        let version = |module| required_version(GO_MOD, module);
        assert_eq!(version("k8s.io/kubernetes").as_deref(), Some("1.36.3"));
        assert_eq!(
            version("go.etcd.io/etcd/server/v3").as_deref(),
            Some("3.6.16")
        );
        assert_eq!(version("go").as_deref(), Some("1.26.0"));
        assert_eq!(version("k8s.io/kube"), None);
    }

    #[test]
    fn compares_releases_as_numbers() {
        assert!(release("go1.26.8\n") >= release("1.26.0"));
        assert!(release("go1.9") < release("1.26.0"));
        assert!(release("devel") < release("1.26.0"));
    }
}
