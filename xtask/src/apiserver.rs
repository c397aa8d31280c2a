//! `cargo xtask apiserver`: builds kube-apiserver with the engine inside, with cargo and Go.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::context::Context;
use crate::golang::Module;
use crate::kube;
use crate::process::{self, Pending, Status};

const NAME: &str = "kube-apiserver";
const RACE_NAME: &str = "kube-apiserver-race";

/// The only package that uses C, and the only one that is tested with the race detector: a race
/// build recompiles every dependency of a test, which takes minutes for Kubernetes.
const BRIDGE: &str = "k8s-wasm/apiserver/engine";

#[derive(Args)]
pub struct Arguments {
    /// Build an optimized binary for deployment
    #[arg(long)]
    release: bool,
    /// Build with Go's race detector, which aborts the program on a race; slow to build and to run
    #[arg(long, conflicts_with = "release")]
    race: bool,
}

/// A build profile of the API server with the engine inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    Debug,
    /// Like `Debug`, with Go's race detector.
    Race,
    /// The engine is optimized; Go has a single optimization level.
    Release,
}

/// Builds the API server and prints its path.
pub fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    let profile = match (arguments.release, arguments.race) {
        (true, _) => Profile::Release,
        (false, true) => Profile::Race,
        (false, false) => Profile::Debug,
    };
    println!("{}", build(context, profile)?.display());
    Ok(())
}

/// Reports missing prerequisites before any long build starts.
pub fn check(context: &Context) -> Result<()> {
    let otherwise = "skip the API server with the engine inside";
    Module::APISERVER.check(context, NAME, otherwise)
}

/// Builds the API server: seconds after a build of the stock one, minutes otherwise.
pub fn build(context: &Context, profile: Profile) -> Result<PathBuf> {
    check(context)?;
    let library = Library::build(context, profile)?;
    let context = context.clone();
    Pending::start(
        "building kube-apiserver with the engine inside",
        move |status| library.link(&context, profile, status),
    )
    .wait()
}

/// Checks and tests the Go packages, with the real library and the modules in `guests`.
pub fn test(context: &Context, guests: &Path) -> Result<()> {
    let mut gofmt = Module::APISERVER.command(context, "gofmt");
    gofmt.args(["-l", "."]);
    let unformatted = process::output(gofmt).context("failed to run gofmt, a part of Go")?;
    ensure!(
        unformatted.is_empty(),
        "not formatted; run `gofmt -w` on\n{unformatted}"
    );

    let mut vet = Module::APISERVER.go(context, "vet");
    vet.arg("./...");
    process::run(vet)?;

    let library = Library::build(context, Profile::Debug)?;
    let test = |packages: &[&str], race: bool| {
        let mut go = Module::APISERVER.go(context, "test");
        // Go's test cache does not see changes of the library and the modules. Vet has run already.
        go.args(["-count=1", "-vet=off", "-ldflags"])
            .arg(library.linker_flags(context)?)
            .args(race.then_some("-race"))
            .args(packages)
            .env("K8S_WASM_GUESTS", guests);
        process::run(go)
    };
    test(&[BRIDGE], true)?;
    let mut list = Module::APISERVER.go(context, "list");
    list.arg("./...");
    let packages = process::output(list)?;
    let others: Vec<_> = packages
        .lines()
        .filter(|name| !name.starts_with(BRIDGE))
        .collect();
    test(&others, false)
}

/// The engine as a static library.
struct Library {
    path: PathBuf,
    /// The first 12 hexadecimal digits of its SHA-256 digest.
    digest: String,
}

impl Library {
    fn build(context: &Context, profile: Profile) -> Result<Self> {
        let mut cargo = context.cargo("build");
        let folder = match profile {
            // The whole workspace, so that cargo unifies the features of dependencies as it does
            // everywhere else.
            Profile::Debug | Profile::Race => {
                cargo.args(["--workspace", "--lib"]);
                "debug"
            }
            Profile::Release => {
                cargo.args(["--package", "k8s-wasm-capi", "--release"]);
                "release"
            }
        };
        process::run(cargo)?;
        let path = context.target_dir.join(folder).join("libk8s_wasm.a");
        let mut sha256sum = context.command("sha256sum");
        sha256sum.arg(&path);
        let mut digest = process::output(sha256sum)?;
        digest.truncate(12);
        Ok(Self { path, digest })
    }

    /// Links the program next to the library. Go skips the build if nothing has changed.
    fn link(&self, context: &Context, profile: Profile, status: &Status) -> Result<PathBuf> {
        let with_race_detector = profile == Profile::Race;
        let name = if with_race_detector { RACE_NAME } else { NAME };
        let program = self.path.with_file_name(name);
        let mut go = Module::APISERVER.go(context, "build");
        go.args(["-v", "-buildvcs=false", "-ldflags"])
            .arg(self.linker_flags(context)?)
            .args(with_race_detector.then_some("-race"))
            .arg("-o")
            .arg(&program)
            .arg("./composed");
        process::run_to_log(go, &context.cache.log("apiserver")?, status)?;
        Ok(program)
    }

    /// Returns the flags that link the library.
    ///
    /// The library is passed to the external linker only: in `CGO_LDFLAGS` it would make Go
    /// recompile every package that uses C. Go does not track the content of the library, but it
    /// links again when the version changes, and the version contains the digest.
    fn linker_flags(&self, context: &Context) -> Result<String> {
        let suffix = format!("+k8s-wasm.{}.{}", env!("CARGO_PKG_VERSION"), self.digest);
        let version = kube::version_flags(&kube::version(context)?, &suffix);
        let library = self.path.display();
        Ok(format!(
            "-s -w{version} -extldflags \"'{library}' -lm -ldl -lpthread\""
        ))
    }
}
