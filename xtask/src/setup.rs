//! Prerequisites of a test cluster: the servers, the `k8s-wasm` binary and the modules.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::apiserver::{self, Profile};
use crate::context::Context;
use crate::guests;
use crate::kube::{self, Kube};
use crate::process::{self, Pending};

/// The programs and modules that the stories, the demo and the benchmarks use.
pub struct Setup {
    kube: Kube,
    k8s_wasm: PathBuf,
    guests: PathBuf,
    /// The kube-apiserver with the engine inside, if it is needed.
    composed: Option<PathBuf>,
}

impl Setup {
    /// Builds the modules and the binary, then waits for `kube`.
    pub fn complete(context: &Context, kube: Pending<Kube>) -> Result<Self> {
        let guests = guests::build(context)?;
        let k8s_wasm = binary(context, "k8s-wasm")?;
        Ok(Self {
            kube: kube.wait()?,
            k8s_wasm,
            guests,
            composed: None,
        })
    }

    /// Adds the kube-apiserver with the engine inside.
    pub fn with_composed(self, context: &Context, profile: Profile) -> Result<Self> {
        let composed = Some(apiserver::build(context, profile)?);
        Ok(Self { composed, ..self })
    }

    /// Builds everything with optimizations, for measurements.
    pub fn optimized(context: &Context, kube: Pending<Kube>) -> Result<Self> {
        let guests = guests::build(context)?;
        let composed = apiserver::build(context, Profile::Release)?;
        let mut cargo = context.cargo("build");
        cargo.args(["--release", "--package", "k8s-wasm"]);
        process::run(cargo)?;
        Ok(Self {
            kube: kube.wait()?,
            k8s_wasm: context.target_dir.join("release/k8s-wasm"),
            guests,
            composed: Some(composed),
        })
    }

    /// Passes the paths to `command` as environment variables.
    pub fn apply(&self, command: &mut Command) {
        command
            .env("K8S_WASM_KUBE_APISERVER", &self.kube.apiserver)
            .env("K8S_WASM_ETCD", &self.kube.etcd)
            .env("K8S_WASM_BIN", &self.k8s_wasm)
            .env("K8S_WASM_GUESTS", &self.guests);
        if let Some(composed) = &self.composed {
            command.env("K8S_WASM_COMPOSED_KUBE_APISERVER", composed);
        }
    }
}

/// Reports missing prerequisites before any long build starts.
pub fn check(context: &Context) -> Result<()> {
    kube::check(context)?;
    guests::check(context)
}

/// Builds a binary of the workspace and returns its path.
///
/// Selects the whole workspace: the features of dependencies depend on the selected packages, and
/// wasmtime would be recompiled, which takes minutes, for each selection.
pub fn binary(context: &Context, name: &str) -> Result<PathBuf> {
    let mut cargo = context.cargo("build");
    cargo.args(["--workspace", "--bin", name]);
    process::run(cargo)?;
    Ok(context.target_dir.join("debug").join(name))
}
