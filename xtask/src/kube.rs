//! `cargo xtask kube`: kube-apiserver and etcd, ready-made or built from their Go modules.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::context::Context;
use crate::process::{self, Pending, Status};

/// The variable that names a folder with ready-made programs, as in the test framework of controller-runtime.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// The programs that a cluster for tests is made of.
pub struct Kube {
    pub apiserver: PathBuf,
    pub etcd: PathBuf,
}

/// Prints where the programs are, building them first when they are nowhere.
pub fn run(context: &Context) -> Result<()> {
    let kube = start(context)?.wait()?;
    println!("kube-apiserver  {}", kube.apiserver.display());
    println!("etcd            {}", kube.etcd.display());
    Ok(())
}

/// Says what the user has to install, before anything long starts.
pub fn check(context: &Context) -> Result<()> {
    match env::var_os(ASSETS) {
        Some(folder) => ready_made(Path::new(&folder)).map(drop),
        None => PROGRAMS
            .iter()
            .try_for_each(|program| program.check(context)),
    }
}

/// Begins to find or build the programs; the build takes minutes, once for each version.
pub fn start(context: &Context) -> Result<Pending<Kube>> {
    check(context)?;
    if let Some(folder) = env::var_os(ASSETS) {
        let kube = ready_made(Path::new(&folder))?;
        return Ok(Pending::start("kube", |_| Ok(kube)));
    }
    let context = context.clone();
    Ok(Pending::start(
        "building kube-apiserver and etcd",
        move |status| {
            Ok(Kube {
                etcd: ETCD.build(&context, status)?,
                apiserver: APISERVER.build(&context, status)?,
            })
        },
    ))
}

fn ready_made(folder: &Path) -> Result<Kube> {
    let program = |name: &str| {
        let path = folder.join(name);
        ensure!(
            path.is_file(),
            "{ASSETS} is set, but `{}` does not exist",
            path.display()
        );
        Ok(path)
    };
    Ok(Kube {
        apiserver: program(APISERVER.name)?,
        etcd: program(ETCD.name)?,
    })
}

const PROGRAMS: [&Program; 2] = [&ETCD, &APISERVER];

const APISERVER: Program = Program {
    name: "kube-apiserver",
    cache_key: "kube",
    folder: "apiserver/stock",
    module: "k8s.io/kubernetes",
    // Without it the server reports a version that clients cannot parse.
    version_variables: Some("k8s.io/component-base/version"),
};

const ETCD: Program = Program {
    name: "etcd",
    cache_key: "etcd",
    folder: "apiserver/etcd",
    module: "go.etcd.io/etcd/server/v3",
    version_variables: None,
};

/// A program built from a Go module in this repository that pins the published one.
struct Program {
    name: &'static str,
    cache_key: &'static str,
    folder: &'static str,
    /// The published module; its version in `go.mod` is the version of the program.
    module: &'static str,
    /// The Go package whose variables carry the version.
    version_variables: Option<&'static str>,
}

impl Program {
    fn check(&self, context: &Context) -> Result<()> {
        if context
            .cache
            .path(&self.key(&self.version(context)?))
            .exists()
        {
            return Ok(());
        }
        let needed =
            required_version(&self.go_mod(context)?, "go").context("go.mod has no go line")?;
        let advice = format!(
            "{} is built with Go {needed} or newer: install it (https://go.dev/dl), \
             or set {ASSETS} to a folder with kube-apiserver and etcd",
            self.name
        );
        let mut go = context.command("go");
        // In this folder an older Go may fetch the one it needs.
        go.current_dir(context.root.join(self.folder))
            .args(["env", "GOVERSION"]);
        let found = process::output(go).context(advice.clone())?;
        if release(&found) < release(&needed) {
            bail!("{advice}; found {}", found.trim());
        }
        Ok(())
    }

    fn build(&self, context: &Context, status: &Status) -> Result<PathBuf> {
        let version = self.version(context)?;
        let folder = context
            .cache
            .folder(&self.key(&version), status, |folder| {
                let mut go = context.command("go");
                go.current_dir(context.root.join(self.folder));
                go.args([
                    "build",
                    "-v",
                    "-mod=readonly",
                    "-trimpath",
                    "-buildvcs=false",
                    "-ldflags",
                ]);
                go.arg(self.linker_flags(&version))
                    .arg("-o")
                    .arg(folder.join(self.name))
                    .arg(".");
                // No C compiler needed, and the program runs on any Linux.
                go.env("CGO_ENABLED", "0");
                process::run_to_log(go, &context.cache.log(self.name)?, status)
            })?;
        Ok(folder.join(self.name))
    }

    fn key(&self, version: &str) -> String {
        format!("{}/{version}", self.cache_key)
    }

    fn version(&self, context: &Context) -> Result<String> {
        let version = required_version(&self.go_mod(context)?, self.module);
        version.with_context(|| format!("{}/go.mod does not require {}", self.folder, self.module))
    }

    fn go_mod(&self, context: &Context) -> Result<String> {
        let path = context.root.join(self.folder).join("go.mod");
        fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))
    }

    fn linker_flags(&self, version: &str) -> String {
        let mut flags = "-s -w".to_owned();
        if let Some(package) = self.version_variables {
            let (major, minor) = release(version);
            for (variable, value) in [
                ("gitVersion", format!("v{version}")),
                ("gitMajor", major.to_string()),
                ("gitMinor", minor.to_string()),
            ] {
                flags += &format!(" -X {package}.{variable}={value}");
            }
        }
        flags
    }
}

/// The version that a `go.mod` gives `module`, without its `v`. The Go language itself is the module `go`.
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

/// Major and minor of `1.36.3`, `go1.26.8` and the like; `(0, 0)` for anything else.
fn release(version: &str) -> (u32, u32) {
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

    #[test]
    fn tells_the_api_server_its_version() {
        let flags = APISERVER.linker_flags("1.36.3");
        assert!(
            flags.contains("-X k8s.io/component-base/version.gitVersion=v1.36.3"),
            "{flags}"
        );
        assert!(flags.contains("version.gitMinor=36"), "{flags}");
        assert_eq!(ETCD.linker_flags("3.6.16"), "-s -w");
    }

    #[test]
    fn takes_ready_made_programs_only_when_both_are_there() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("etcd"), "").unwrap();
        let error = ready_made(folder.path()).err().unwrap().to_string();
        assert!(error.contains("kube-apiserver` does not exist"), "{error}");
        fs::write(folder.path().join("kube-apiserver"), "").unwrap();
        assert!(ready_made(folder.path()).is_ok());
    }
}
