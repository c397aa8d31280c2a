//! Wirings: the policies of a cluster, and the front end through which its kube-apiserver calls
//! them.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::directory::Directory;
use crate::programs::Programs;
use crate::script::Script;

/// The properties in which clusters differ.
#[derive(Debug, Clone)]
pub struct Wiring {
    /// The front end through which the kube-apiserver calls the policies.
    pub front_end: FrontEnd,
    /// The version of reviews that the kube-apiserver sends; v1 with the engine inside.
    pub version: ReviewVersion,
    /// The time for which results for tokens and accesses are cached; `None`: the default of the
    /// front end.
    pub cache_ttl: Option<&'static str>,
    /// The configuration, YAML. Modules are `./modules/<name>.wasm`. Every wiring contains the
    /// magic policies, by which the harness detects that the admission webhooks are active.
    pub configuration: String,
    /// The scripted modules. All others come from `cargo xtask guests`.
    pub scripts: Vec<(&'static str, Script)>,
}

/// The way from the kube-apiserver to the policies. The same stories run with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrontEnd {
    /// `k8s-wasm serve`, called by a stock kube-apiserver.
    Webhook,
    /// The engine inside kube-apiserver.
    InProcess,
    /// A stock kube-apiserver without policies, as the baseline of measurements.
    None,
}

/// The version of TokenReview, SubjectAccessReview and AdmissionReview.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewVersion {
    /// The current version.
    V1,
    /// The default of kube-apiserver flags.
    V1beta1,
}

impl Wiring {
    /// Writes the configuration and its modules. Returns the path of the configuration.
    ///
    /// # Errors
    /// If a module is neither a script nor a guest.
    pub fn install(&self, programs: &Programs, directory: &Directory) -> Result<PathBuf> {
        for name in modules(&self.configuration) {
            let bytes = match self.scripts.iter().find(|(script, _)| *script == name) {
                Some((_, script)) => script.compile()?,
                None => std::fs::read(programs.guest(name)?)?,
            };
            directory.write(&format!("modules/{name}.wasm"), bytes)?;
        }
        directory.write("policies.yaml", &self.configuration)
    }
}

/// Returns the names in `module: ./modules/<name>.wasm`.
fn modules(configuration: &str) -> impl Iterator<Item = &str> {
    configuration
        .lines()
        .filter_map(|line| line.split_once("module: ./modules/"))
        .filter_map(|(_, file)| file.trim().strip_suffix(".wasm"))
}

const TOKEN_VERSION: &str = "--authentication-token-webhook-version";

impl ReviewVersion {
    /// Changes the files and flags of `manifests` to this version, as an operator of an old cluster
    /// would. They contain v1, and v1beta1 as the alternative for admission.
    pub(crate) fn rewrite(self, directory: &Directory, flags: &mut [String]) -> Result<()> {
        if self == Self::V1 {
            return Ok(());
        }
        let is_version = |flag: &&mut String| flag.starts_with(TOKEN_VERSION);
        let flag = flags.iter_mut().find(is_version);
        let flag = flag.with_context(|| format!("the flag `{TOKEN_VERSION}` is missing"))?;
        *flag = format!("{TOKEN_VERSION}=v1beta1");
        replace(
            directory,
            "manifests/authorization-configuration.yaml",
            "subjectAccessReviewVersion: v1\n",
            "subjectAccessReviewVersion: v1beta1\n",
        )
    }

    /// Returns `admissionReviewVersions`; the kube-apiserver sends the first version that it
    /// supports.
    #[must_use]
    pub fn admission_review_versions(self) -> [&'static str; 2] {
        match self {
            Self::V1 => ["v1", "v1beta1"],
            Self::V1beta1 => ["v1beta1", "v1"],
        }
    }
}

fn replace(directory: &Directory, file: &str, from: &str, to: &str) -> Result<()> {
    let path = directory.path().join(file);
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("failed to read `{}`", path.display()))?;
    anyhow::ensure!(
        text.contains(from),
        "`{file}` does not contain `{}`",
        from.trim()
    );
    directory.write(file, text.replace(from, to))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_modules_of_a_configuration() {
        let configuration =
            "modules:\n- module: ./modules/a.wasm\n- name: b\n  module: ./modules/b_c.wasm\n";
        assert_eq!(modules(configuration).collect::<Vec<_>>(), ["a", "b_c"]);
    }
}
