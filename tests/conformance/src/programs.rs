//! The programs and modules that a cluster is made of, as the environment names them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// Where everything is that the stories start. `cargo xtask test` and `cargo xtask demo` build it and say where.
#[derive(Debug, Clone)]
pub struct Programs {
    /// A stock kube-apiserver, `K8S_WASM_KUBE_APISERVER`.
    pub kube_apiserver: PathBuf,
    /// `K8S_WASM_ETCD`.
    pub etcd: PathBuf,
    /// Our binary, `K8S_WASM_BIN`.
    pub k8s_wasm: PathBuf,
    /// The directory of the compiled modules, `K8S_WASM_GUESTS`.
    guests: PathBuf,
}

impl Programs {
    /// Reads the four variables.
    ///
    /// # Errors
    /// A variable that is missing or names nothing. Nothing is skipped: a story that did not run has not been told.
    pub fn from_environment() -> Result<Self> {
        Ok(Self {
            kube_apiserver: path("K8S_WASM_KUBE_APISERVER")?,
            etcd: path("K8S_WASM_ETCD")?,
            k8s_wasm: path("K8S_WASM_BIN")?,
            guests: path("K8S_WASM_GUESTS")?,
        })
    }

    /// The compiled module of the package `name`, written with underscores.
    ///
    /// # Errors
    /// There is no such module.
    pub fn guest(&self, name: &str) -> Result<PathBuf> {
        let path = self.guests.join(name).with_extension("wasm");
        ensure!(
            path.is_file(),
            "there is no module `{}`; `cargo xtask guests` builds it",
            path.display()
        );
        Ok(path)
    }
}

fn path(variable: &str) -> Result<PathBuf> {
    let value = std::env::var_os(variable).with_context(|| {
        format!("{variable} is not set; run `cargo xtask test --only conformance`, or `cargo xtask demo`")
    })?;
    let path = Path::new(&value);
    path.canonicalize().with_context(|| {
        format!(
            "{variable} names `{}`, which cannot be found",
            path.display()
        )
    })
}
