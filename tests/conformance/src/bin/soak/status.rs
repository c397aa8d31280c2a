//! The metrics of the policies: the edition in effect, and failed reloads.

use anyhow::{Context as _, Result, ensure};
use conformance::Caller;

use crate::expectation::Edition;

/// The source of metrics.
pub struct StatusReader {
    caller: Caller,
    paths: Vec<String>,
}

/// The metrics; in process there is one text for each plane.
#[derive(Debug)]
pub struct Status(Vec<String>);

impl StatusReader {
    /// Creates a reader for the admin port of `k8s-wasm serve`.
    #[must_use]
    pub fn from_server(operator: Caller) -> Self {
        Self {
            caller: operator,
            paths: vec!["/metrics".to_owned()],
        }
    }

    /// Creates a reader for the API server with the engine inside.
    #[must_use]
    pub fn from_planes(admin: Caller) -> Self {
        let planes = ["authentication", "authorization", "admission"];
        Self {
            caller: admin,
            paths: planes
                .map(|plane| format!("/debug/k8s-wasm/{plane}/metrics"))
                .into(),
        }
    }

    /// Reads the current metrics.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn read(&self) -> Result<Status> {
        let mut texts = Vec::new();
        for path in &self.paths {
            let reply = self.caller.try_get(path).await?;
            ensure!(reply.is_success(), "failed to read metrics\n{reply}");
            texts.push(reply.message().to_owned());
        }
        Ok(Status(texts))
    }

    /// Triggers a reload. Only `k8s-wasm serve` supports it.
    ///
    /// # Errors
    /// If the server rejects it.
    pub async fn reload(&self) -> Result<()> {
        let reply = self
            .caller
            .try_post("/reload", &serde_json::Value::Null)
            .await?;
        ensure!(reply.is_success(), "the server rejected a reload\n{reply}");
        Ok(())
    }
}

impl Status {
    /// Returns whether only the policies of `edition` are in effect, on every plane.
    #[must_use]
    pub fn has_only(&self, edition: Edition) -> bool {
        let has = |text: &str, edition: Edition| {
            let name = format!("-{}\"", edition.letter());
            let mut policies = text
                .lines()
                .filter(|line| line.starts_with("k8s_wasm_policy_info{"));
            policies.any(|line| line.contains(&name))
        };
        self.0
            .iter()
            .all(|text| has(text, edition) && !has(text, edition.other()))
    }

    /// Returns whether the files do not load.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.values("k8s_wasm_config_reload_failed")
            .any(|value| value > 0.0)
    }

    /// Returns the number of successful reloads of all hosts.
    #[must_use]
    pub fn loaded(&self) -> f64 {
        self.values("k8s_wasm_config_reloads_total{result=\"success\"}")
            .sum()
    }

    /// Returns the number of failed reloads of all hosts.
    #[must_use]
    pub fn failed(&self) -> f64 {
        self.values("k8s_wasm_config_reloads_total{result=\"failure\"}")
            .sum()
    }

    /// Returns the expiry of the server's certificate, Unix time.
    ///
    /// # Errors
    /// If the metric is missing.
    pub fn certificate_expiry(&self) -> Result<f64> {
        self.values("k8s_wasm_certificate_expiration_timestamp_seconds")
            .next()
            .context("the expiry of the certificate is not a metric")
    }

    fn values<'a>(&'a self, metric: &'a str) -> impl Iterator<Item = f64> + 'a {
        let lines = self.0.iter().flat_map(|text| text.lines());
        lines
            .filter_map(move |line| line.strip_prefix(metric)?.strip_prefix(' '))
            .filter_map(|value| value.trim().parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANE: &str = "k8s_wasm_config_reload_failed 0\n\
        k8s_wasm_config_reloads_total{result=\"success\"} 2\n\
        k8s_wasm_policy_info{plane=\"authz\",policy=\"gate-b\",digest=\"sha256:1\"} 1\n";

    #[test]
    fn an_edition_is_in_effect_when_all_planes_have_it() {
        let both = Status(vec![PLANE.to_owned(), PLANE.to_owned()]);
        assert!(both.has_only(Edition::B) && !both.has_only(Edition::A));
        assert_eq!(both.loaded() as u64, 4);
        assert!(!both.has_failed());
        let mixed = Status(vec![PLANE.to_owned(), PLANE.replace("-b", "-a")]);
        assert!(!mixed.has_only(Edition::A) && !mixed.has_only(Edition::B));
    }
}
