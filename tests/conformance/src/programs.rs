//! The programs and modules of a cluster, from environment variables.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// The paths of the programs and modules. `cargo xtask test` and `cargo xtask demo` build them and
/// set the variables.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The stock kube-apiserver, `K8S_WASM_KUBE_APISERVER`.
    pub kube_apiserver: PathBuf,
    /// The kube-apiserver with the engine inside, `K8S_WASM_COMPOSED_KUBE_APISERVER`; unset in the
    /// demo.
    composed_apiserver: Option<PathBuf>,
    /// The etcd, `K8S_WASM_ETCD`.
    pub etcd: PathBuf,
    /// The `k8s-wasm` binary, `K8S_WASM_BIN`.
    pub k8s_wasm: PathBuf,
    /// The directory of the compiled modules, `K8S_WASM_GUESTS`.
    guests: PathBuf,
}

impl Programs {
    /// Reads the variables.
    ///
    /// # Errors
    /// If a variable is missing, or its file does not exist. No story is skipped.
    pub fn from_environment() -> Result<Self> {
        Ok(Self {
            kube_apiserver: path("K8S_WASM_KUBE_APISERVER")?,
            composed_apiserver: std::env::var_os(COMPOSED)
                .map(|_| path(COMPOSED))
                .transpose()?,
            etcd: path("K8S_WASM_ETCD")?,
            k8s_wasm: path("K8S_WASM_BIN")?,
            guests: path("K8S_WASM_GUESTS")?,
        })
    }

    /// Returns the kube-apiserver with the engine inside.
    ///
    /// # Errors
    /// If the variable is not set.
    pub fn composed_apiserver(&self) -> Result<PathBuf> {
        self.composed_apiserver
            .clone()
            .with_context(|| missing(COMPOSED))
    }

    /// Returns the compiled module of the package `name`, written with underscores.
    ///
    /// # Errors
    /// If the module does not exist.
    pub fn guest(&self, name: &str) -> Result<PathBuf> {
        let path = self.guests.join(name).with_extension("wasm");
        ensure!(
            path.is_file(),
            "the module `{}` does not exist; `cargo xtask guests` builds it",
            path.display()
        );
        Ok(path)
    }
}

const COMPOSED: &str = "K8S_WASM_COMPOSED_KUBE_APISERVER";

fn missing(variable: &str) -> String {
    format!(
        "{variable} is not set; run `cargo xtask test --only conformance`, or `cargo xtask demo`"
    )
}

fn path(variable: &str) -> Result<PathBuf> {
    let value = std::env::var_os(variable).with_context(|| missing(variable))?;
    let path = Path::new(&value);
    path.canonicalize().with_context(|| {
        format!(
            "{variable} is set to `{}`, which does not exist",
            path.display()
        )
    })
}
