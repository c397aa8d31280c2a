//! `cargo xtask kube`: finds kube-apiserver and etcd, or builds them from their Go modules.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::context::Context;
use crate::golang::{self, Module};
use crate::process::{self, Pending, Status};

/// The variable that names a folder with prebuilt programs, as in controller-runtime's envtest.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// The programs of a test cluster.
pub struct Kube {
    pub apiserver: PathBuf,
    pub etcd: PathBuf,
}

/// Prints the paths of the programs, and builds them first if necessary.
pub fn run(context: &Context) -> Result<()> {
    let kube = start(context)?.wait()?;
    println!("kube-apiserver  {}", kube.apiserver.display());
    println!("etcd            {}", kube.etcd.display());
    Ok(())
}

/// Reports missing prerequisites before any long build starts.
pub fn check(context: &Context) -> Result<()> {
    match env::var_os(ASSETS) {
        Some(folder) => prebuilt(Path::new(&folder)).map(drop),
        None => PROGRAMS
            .iter()
            .try_for_each(|program| program.check(context)),
    }
}

/// Starts to find or build the programs; a build takes minutes, once for each version.
pub fn start(context: &Context) -> Result<Pending<Kube>> {
    check(context)?;
    if let Some(folder) = env::var_os(ASSETS) {
        let kube = prebuilt(Path::new(&folder))?;
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

fn prebuilt(folder: &Path) -> Result<Kube> {
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
    module: Module::APISERVER,
    package: "./stock",
    published: KUBERNETES,
};

const ETCD: Program = Program {
    name: "etcd",
    cache_key: "etcd",
    module: Module::ETCD,
    package: ".",
    published: "go.etcd.io/etcd/server/v3",
};

/// The module that determines the version of the API server.
const KUBERNETES: &str = "k8s.io/kubernetes";

/// A program built from a Go module of this repository, which pins a published module.
struct Program {
    name: &'static str,
    cache_key: &'static str,
    module: Module,
    package: &'static str,
    /// The published module, whose version in `go.mod` is that of the program.
    published: &'static str,
}

impl Program {
    fn check(&self, context: &Context) -> Result<()> {
        let version = self.version(context)?;
        if context.cache.path(&self.key(&version)).exists() {
            return Ok(());
        }
        let otherwise = format!("set {ASSETS} to a folder with kube-apiserver and etcd");
        self.module.check(context, self.name, &otherwise)
    }

    fn build(&self, context: &Context, status: &Status) -> Result<PathBuf> {
        let version = self.version(context)?;
        let folder = context
            .cache
            .folder(&self.key(&version), status, |folder| {
                let mut go = self.module.go(context, "build");
                go.args(["-v", "-buildvcs=false", "-ldflags"])
                    .arg(self.linker_flags(&version))
                    .arg("-o")
                    .arg(folder.join(self.name))
                    .arg(self.package);
                process::run_to_log(go, &context.cache.log(self.name)?, status)
            })?;
        Ok(folder.join(self.name))
    }

    fn key(&self, version: &str) -> String {
        format!("{}/{version}", self.cache_key)
    }

    fn version(&self, context: &Context) -> Result<String> {
        self.module.version_of(context, self.published)
    }

    fn linker_flags(&self, version: &str) -> String {
        let mut flags = "-s -w".to_owned();
        if self.published == KUBERNETES {
            flags.push_str(&version_flags(version, ""));
        }
        flags
    }
}

/// Returns the version of Kubernetes, without the `v`.
pub fn version(context: &Context) -> Result<String> {
    APISERVER.version(context)
}

/// Returns the linker flags that set the version of an API server, with `suffix` appended. Without
/// them it reports a version that clients cannot parse.
pub fn version_flags(version: &str, suffix: &str) -> String {
    let (major, minor) = golang::release(version);
    let variables = [
        ("gitVersion", format!("v{version}{suffix}")),
        ("gitMajor", major.to_string()),
        ("gitMinor", minor.to_string()),
    ];
    variables
        .map(|(name, value)| format!(" -X k8s.io/component-base/version.{name}={value}"))
        .concat()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn sets_the_version_of_the_api_server() {
        let flags = APISERVER.linker_flags("1.36.3");
        assert!(
            flags.contains("-X k8s.io/component-base/version.gitVersion=v1.36.3 "),
            "{flags}"
        );
        assert!(flags.contains("version.gitMinor=36"), "{flags}");
        assert_eq!(ETCD.linker_flags("3.6.16"), "-s -w");
    }

    #[test]
    fn accepts_a_prebuilt_folder_only_with_both_programs() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("etcd"), "").unwrap();
        let error = prebuilt(folder.path()).err().unwrap().to_string();
        assert!(error.contains("kube-apiserver` does not exist"), "{error}");
        fs::write(folder.path().join("kube-apiserver"), "").unwrap();
        assert!(prebuilt(folder.path()).is_ok());
    }
}
