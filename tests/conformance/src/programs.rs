//! The programs and modules that a cluster is made of, as the environment names them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// Where everything is that the stories start. `cargo xtask test` and `cargo xtask demo` build it and say where.
#[derive(Debug, Clone)]
pub struct Programs {
    /// A stock kube-apiserver, `K8S_WASM_KUBE_APISERVER`.
    pub kube_apiserver: PathBuf,
    /// The kube-apiserver with the engine inside, `K8S_WASM_COMPOSED_KUBE_APISERVER`; the demo does without.
    composed_apiserver: Option<PathBuf>,
    /// `K8S_WASM_ETCD`.
    pub etcd: PathBuf,
    /// Our binary, `K8S_WASM_BIN`.
    pub k8s_wasm: PathBuf,
    /// The directory of the compiled modules, `K8S_WASM_GUESTS`.
    guests: PathBuf,
}

impl Programs {
    /// Reads the variables.
    ///
    /// # Errors
    /// A variable that is missing or names nothing. Nothing is skipped: a story that did not run has not been told.
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

    /// The kube-apiserver with the engine inside.
    ///
    /// # Errors
    /// The environment does not name it.
    pub fn composed_apiserver(&self) -> Result<PathBuf> {
        self.composed_apiserver
            .clone()
            .with_context(|| missing(COMPOSED))
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
            "{variable} names `{}`, which cannot be found",
            path.display()
        )
    })
}
