//! Debian's Rust with the standard library for WebAssembly, unpacked into the cache directory.
//!
//! debootstrap fetches the packages and checks their signatures; they are unpacked, never installed. The compiler
//! runs with the loader and the libraries it was unpacked with, so it needs neither root nor a chroot nor a mount, and the
//! installed cargo drives it through `RUSTC`.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::context::Context;
use crate::process::{self, Pending, Status};

/// Debian 13, the first release with a standard library for `wasm32-wasip1`.
const SUITE: &str = "trixie";

/// Raised when the way of unpacking changes, so that older caches are left alone.
const REVISION: u32 = 1;

const PACKAGES: &str = "rustc,libstd-rust-dev-wasm32,lld";

/// The programs as cargo starts them.
pub struct Programs {
    pub rustc: PathBuf,
    pub wasm_ld: PathBuf,
}

/// Unpacks the toolchain unless the cache has it.
pub fn programs(context: &Context) -> Result<Programs> {
    let loader = loader()?;
    if !is_unpacked(context) {
        install_debootstrap(context)?;
    }
    let context = context.clone();
    let pending = Pending::start("fetching Debian's Rust for WebAssembly", move |status| {
        context.cache.folder(&key(), status, |folder| {
            unpack(&context, folder, loader, status)
        })
    });
    let bin = pending.wait()?.join("bin");
    Ok(Programs {
        rustc: bin.join("rustc"),
        wasm_ld: bin.join("wasm-ld"),
    })
}

/// Says what is missing, changing nothing.
pub fn check(context: &Context) -> Result<()> {
    loader()?;
    if is_unpacked(context) || has_debootstrap() || can_install() {
        return Ok(());
    }
    bail!("install debootstrap: `sudo apt-get install debootstrap debian-archive-keyring`")
}

/// Whether the cache has the toolchain.
pub fn is_unpacked(context: &Context) -> bool {
    context.cache.path(&key()).exists()
}

fn key() -> String {
    format!("wasm-toolchain/{SUITE}-{REVISION}")
}

fn unpack(context: &Context, folder: &Path, loader: Loader, status: &Status) -> Result<()> {
    let log = context.cache.log("wasm-toolchain")?;
    let downloads = folder.join("downloads");
    let mut debootstrap = context.command("debootstrap");
    debootstrap.args(["--download-only", "--force-check-gpg", "--variant=minbase"]);
    debootstrap
        .arg(format!("--include={PACKAGES}"))
        .arg(SUITE)
        .arg(&downloads);
    debootstrap.env("PATH", path_with_sbin());
    process::run_to_log(debootstrap, &log, status)?;

    let system = folder.join("system");
    for package in fs::read_dir(downloads.join("var/cache/apt/archives"))? {
        let package = package?.path();
        if package.extension() != Some(OsStr::new("deb")) {
            continue;
        }
        status.set(&format!(
            "unpacking {}",
            package.file_name().unwrap_or_default().display()
        ));
        let mut unpack = context.command("dpkg-deb");
        unpack.arg("--extract").arg(package).arg(&system);
        process::output(unpack)?;
    }
    fs::remove_dir_all(&downloads)?;
    fs::create_dir(folder.join("bin"))?;
    for program in ["rustc", "wasm-ld"] {
        let script = folder.join("bin").join(program);
        fs::write(&script, loader.script(program))?;
        fs::set_permissions(&script, Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// The dynamic loader of a Debian architecture.
#[derive(Clone, Copy)]
struct Loader {
    libraries: &'static str,
    name: &'static str,
}

impl Loader {
    /// A script that starts an unpacked program with its own loader and libraries.
    fn script(self, program: &str) -> String {
        let Self { libraries, name } = self;
        format!(
            "#!/bin/sh\n\
             system=${{0%/bin/*}}/system\n\
             libraries=$system/usr/lib/{libraries}\n\
             exec \"$libraries/{name}\" --library-path \"$libraries\" \"$system/usr/bin/{program}\" \"$@\"\n"
        )
    }
}

fn loader() -> Result<Loader> {
    match (env::consts::OS, env::consts::ARCH) {
        ("linux", "x86_64") => Ok(Loader {
            libraries: "x86_64-linux-gnu",
            name: "ld-linux-x86-64.so.2",
        }),
        ("linux", "aarch64") => Ok(Loader {
            libraries: "aarch64-linux-gnu",
            name: "ld-linux-aarch64.so.1",
        }),
        (system, architecture) => bail!("Debian's programs do not run on {system} {architecture}"),
    }
}

fn install_debootstrap(context: &Context) -> Result<()> {
    if has_debootstrap() {
        return Ok(());
    }
    check(context)?;
    println!("installing debootstrap");
    let apt_get = |arguments: &[&str]| {
        let mut apt_get = context.command("apt-get");
        apt_get
            .arg("--quiet")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive");
        process::run(apt_get)
    };
    apt_get(&["update"])?;
    apt_get(&[
        "install",
        "--yes",
        "--no-install-recommends",
        "debootstrap",
        "debian-archive-keyring",
        "gpgv",
    ])
    .context("debootstrap could not be installed")
}

fn has_debootstrap() -> bool {
    env::split_paths(&path_with_sbin()).any(|folder| folder.join("debootstrap").is_file())
}

fn can_install() -> bool {
    rustix::process::geteuid().is_root() && Path::new("/usr/bin/apt-get").exists()
}

/// debootstrap is a program for administrators, whose folder users often do not have on their path.
fn path_with_sbin() -> String {
    format!("{}:/usr/sbin", env::var("PATH").unwrap_or_default())
}
