//! The packages of the workspace, from `cargo metadata`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Deserialize;

use crate::context::Context;
use crate::process;

/// A package of the workspace, with the fields that the tasks need.
#[derive(Debug, Deserialize)]
pub struct Package {
    pub name: String,
    pub manifest_path: PathBuf,
    pub targets: Vec<Target>,
    pub dependencies: Vec<Dependency>,
    metadata: Option<Metadata>,
}

/// A build target of a package.
#[derive(Debug, Deserialize)]
pub struct Target {
    pub name: String,
    pub crate_types: Vec<String>,
}

/// An entry of the dependency tables of a package.
#[derive(Debug, Deserialize)]
pub struct Dependency {
    pub name: String,
    /// Folder of a package of this repository; `None` for a published one.
    pub path: Option<PathBuf>,
    /// `dev` or `build`; `None` for a normal dependency.
    pub kind: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    #[serde(rename = "k8s-wasm", default)]
    k8s_wasm: Marks,
}

/// The table `[package.metadata.k8s-wasm]`.
#[derive(Debug, Default, Deserialize)]
struct Marks {
    #[serde(default)]
    module: bool,
}

impl Package {
    /// Returns the name of the library, and so of the file, if the package is a module: if it is
    /// marked with `[package.metadata.k8s-wasm] module = true`.
    pub fn module(&self) -> Option<&str> {
        let marked = self
            .metadata
            .as_ref()
            .is_some_and(|metadata| metadata.k8s_wasm.module);
        let library = self
            .targets
            .iter()
            .find(|target| target.crate_types.iter().any(|kind| kind == "cdylib"));
        library
            .filter(|_| marked)
            .map(|library| library.name.as_str())
    }

    /// Returns the folder of the package, relative to the root of the repository.
    pub fn folder<'a>(&'a self, root: &Path) -> &'a Path {
        let folder = self.manifest_path.parent().unwrap_or(&self.manifest_path);
        folder.strip_prefix(root).unwrap_or(folder)
    }
}

/// Lists the packages of the workspace.
pub fn packages(context: &Context) -> Result<Vec<Package>> {
    #[derive(Deserialize)]
    struct Listing {
        packages: Vec<Package>,
    }
    let mut cargo = context.cargo("metadata");
    cargo.args(["--format-version=1", "--no-deps"]);
    let listing: Listing = serde_json::from_str(&process::output(cargo)?)?;
    Ok(listing.packages)
}
