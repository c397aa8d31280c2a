//! Wirings: which policies a cluster has, and how its kube-apiserver comes to ask them.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::directory::Directory;
use crate::programs::Programs;
use crate::script::Script;

/// Everything by which clusters differ.
#[derive(Debug, Clone)]
pub struct Wiring {
    /// How the kube-apiserver reaches the policies.
    pub door: Door,
    /// Which version of the reviews it sends; inside of the kube-apiserver there is only v1.
    pub version: ReviewVersion,
    /// For how long answers about tokens and accesses are remembered; the default of the door when empty.
    pub cache_ttl: Option<&'static str>,
    /// The configuration, YAML. Modules are `./modules/<name>.wasm`. Every wiring has the magic policies: by their effect
    /// the harness sees that the admission webhooks are in force.
    pub configuration: String,
    /// Modules that are made up for the stories. All others are those of `cargo xtask guests`.
    pub scripts: Vec<(&'static str, Script)>,
}

/// The way from the kube-apiserver to the policies. The same stories are told about each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// `k8s-wasm serve`, asked by a stock kube-apiserver.
    Webhook,
    /// The engine inside a kube-apiserver that is composed with it.
    InProcess,
    /// None: a stock kube-apiserver that asks nobody, to measure the others beside.
    Closed,
}

/// The version of TokenReview, SubjectAccessReview and AdmissionReview.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewVersion {
    /// What should be used.
    V1,
    /// What kube-apiserver uses when its flags do not say.
    V1beta1,
}

impl Wiring {
    /// Writes the configuration and its modules, and returns the configuration's path.
    ///
    /// # Errors
    /// A module is neither a script nor a guest.
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

/// The names in `module: ./modules/<name>.wasm`.
fn modules(configuration: &str) -> impl Iterator<Item = &str> {
    configuration
        .lines()
        .filter_map(|line| line.split_once("module: ./modules/"))
        .filter_map(|(_, file)| file.trim().strip_suffix(".wasm"))
}

const TOKEN_VERSION: &str = "--authentication-token-webhook-version";

impl ReviewVersion {
    /// The files and flags that `manifests` prints say v1, with v1beta1 as the second choice for admission; this makes
    /// them say what the wiring wants, as an operator with an old cluster would.
    pub(crate) fn rewrite(self, directory: &Directory, flags: &mut [String]) -> Result<()> {
        if self == Self::V1 {
            return Ok(());
        }
        let is_version = |flag: &&mut String| flag.starts_with(TOKEN_VERSION);
        let flag = flags.iter_mut().find(is_version);
        let flag = flag.with_context(|| format!("there is no flag `{TOKEN_VERSION}`"))?;
        *flag = format!("{TOKEN_VERSION}=v1beta1");
        replace(
            directory,
            "plug/authorization-configuration.yaml",
            "subjectAccessReviewVersion: v1\n",
            "subjectAccessReviewVersion: v1beta1\n",
        )
    }

    /// What `admissionReviewVersions` says; the first that the kube-apiserver knows is sent.
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
        .with_context(|| format!("cannot read `{}`", path.display()))?;
    anyhow::ensure!(
        text.contains(from),
        "`{file}` does not say `{}`",
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
