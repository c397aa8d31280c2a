//! Compiled modules: cargo's output paths, and their installation in a folder below `target/guests`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// The Rust target of modules, which is also a folder of cargo's target directory.
pub const TARGET: &str = "wasm32-wasip1";

/// The profile of modules in the root `Cargo.toml`.
pub const PROFILE: &str = "guest";

/// Returns the path at which cargo writes the module of a library.
pub fn cargo_artifact(target_dir: &Path, library: &str) -> PathBuf {
    let folder = target_dir.join(TARGET).join(PROFILE);
    folder.join(format!("{library}.wasm"))
}

/// Copies the built modules into `folder`, and removes all other modules from it.
pub fn install(built: &[PathBuf], folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let mut current = Vec::new();
    for module in built {
        let installed = folder.join(module.file_name().unwrap_or_default());
        ensure!(
            !current.contains(&installed),
            "two modules have the same file name `{}`",
            installed.display()
        );
        update(module, &installed)?;
        current.push(installed);
    }
    for stale in modules_in(folder)?
        .into_iter()
        .filter(|path| !current.contains(path))
    {
        fs::remove_file(stale)?;
    }
    Ok(())
}

/// Copies a module unless the copy is identical, so that modification times stay meaningful.
pub fn update(from: &Path, to: &Path) -> Result<()> {
    let built = fs::read(from).with_context(|| format!("cannot read `{}`", from.display()))?;
    if fs::read(to).is_ok_and(|present| present == built) {
        return Ok(());
    }
    fs::write(to, built).with_context(|| format!("cannot write `{}`", to.display()))
}

/// Lists the modules in a folder, sorted by name.
pub fn modules_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut modules: Vec<_> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    modules.retain(|path| path.extension() == Some(OsStr::new("wasm")));
    modules.sort();
    Ok(modules)
}

/// Lists the names of the folders in `folder` that contain `file`, sorted.
pub fn folders_with(folder: &Path, file: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        if entry.path().join(file).is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_folders_that_contain_a_manifest() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["deny-names", "add-labels", "target"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        for manifest in [
            "Cargo.toml",
            "deny-names/Cargo.toml",
            "add-labels/Cargo.toml",
        ] {
            fs::write(folder.path().join(manifest), "").unwrap();
        }
        let names = folders_with(folder.path(), "Cargo.toml").unwrap();
        assert_eq!(names, ["add-labels", "deny-names"]);
    }

    #[test]
    fn removes_modules_that_are_no_longer_built() {
        let folder = tempfile::tempdir().unwrap();
        let (built, installed) = (folder.path().join("a.wasm"), folder.path().join("guests"));
        fs::create_dir(&installed).unwrap();
        fs::write(&built, "module").unwrap();
        fs::write(installed.join("old.wasm"), "module").unwrap();
        install(&[built], &installed).unwrap();
        assert_eq!(modules_in(&installed).unwrap(), [installed.join("a.wasm")]);
    }
}
