//! `cargo xtask apiserver`: kube-apiserver with the engine inside, built with cargo and then with Go.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::context::Context;
use crate::golang::Module;
use crate::kube;
use crate::process::{self, Pending, Status};

const NAME: &str = "kube-apiserver";
const RACED: &str = "kube-apiserver-race";

/// The one package that touches C. It alone is tested with the race detector: everything that a test with it links is
/// compiled anew, and Kubernetes takes minutes.
const BRIDGE: &str = "k8s-wasm/apiserver/engine";

#[derive(Args)]
pub struct Arguments {
    /// Optimized, as one would deploy it
    #[arg(long)]
    release: bool,
    /// With Go's race detector, which ends the program when it finds something: minutes to build, slow to run
    #[arg(long, conflicts_with = "release")]
    race: bool,
}

/// How the two halves are compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    Debug,
    /// The Go half with the race detector.
    Race,
    /// The engine optimized; Go has no such difference.
    Release,
}

/// Builds the API server and prints where it is.
pub fn run(context: &Context, arguments: &Arguments) -> Result<()> {
    let profile = match (arguments.release, arguments.race) {
        (true, _) => Profile::Release,
        (false, true) => Profile::Race,
        (false, false) => Profile::Debug,
    };
    println!("{}", build(context, profile)?.display());
    Ok(())
}

/// Says what the user has to install, before anything long starts.
pub fn check(context: &Context) -> Result<()> {
    let otherwise = "leave out the API server with the engine inside";
    Module::APISERVER.check(context, NAME, otherwise)
}

/// Builds the API server: seconds when the stock one was built before, minutes otherwise.
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

/// Checks and tests our Go packages, with the real library and the modules in `guests`.
pub fn test(context: &Context, guests: &Path) -> Result<()> {
    let mut gofmt = Module::APISERVER.command(context, "gofmt");
    gofmt.args(["-l", "."]);
    let unformatted = process::output(gofmt).context("gofmt comes with Go")?;
    ensure!(unformatted.is_empty(), "run gofmt -w on\n{unformatted}");

    let mut vet = Module::APISERVER.go(context, "vet");
    vet.arg("./...");
    process::run(vet)?;

    let library = Library::build(context, Profile::Debug)?;
    let test = |packages: &[&str], race: bool| {
        let mut go = Module::APISERVER.go(context, "test");
        // What a test depends on lies outside of the module, where Go does not see it change. Vetted it is already.
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
    /// The start of its SHA-256 digest.
    digest: String,
}

impl Library {
    fn build(context: &Context, profile: Profile) -> Result<Self> {
        let mut cargo = context.cargo("build");
        let folder = match profile {
            // The whole workspace, so that dependencies have the features that they have everywhere else.
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

    /// Beside the library. Go leaves it alone when nothing changed.
    fn link(&self, context: &Context, profile: Profile, status: &Status) -> Result<PathBuf> {
        let is_raced = profile == Profile::Race;
        let name = if is_raced { RACED } else { NAME };
        let program = self.path.with_file_name(name);
        let mut go = Module::APISERVER.go(context, "build");
        go.args(["-v", "-buildvcs=false", "-ldflags"])
            .arg(self.linker_flags(context)?)
            .args(is_raced.then_some("-race"))
            .arg("-o")
            .arg(&program)
            .arg("./composed");
        process::run_to_log(go, &context.cache.log("apiserver")?, status)?;
        Ok(program)
    }

    /// The library goes to the linker alone: in `CGO_LDFLAGS` it would make Go compile everything that uses C anew. Go does
    /// not look at what is in it, but links again when the version changes, which has the digest in it.
    fn linker_flags(&self, context: &Context) -> Result<String> {
        let suffix = format!("+k8s-wasm.{}.{}", env!("CARGO_PKG_VERSION"), self.digest);
        let version = kube::version_flags(&kube::version(context)?, &suffix);
        let library = self.path.display();
        Ok(format!(
            "-s -w{version} -extldflags \"'{library}' -lm -ldl -lpthread\""
        ))
    }
}
