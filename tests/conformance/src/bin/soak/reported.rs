//! What the policies report of themselves: which edition is in place, and whether the last change is not.

use anyhow::{Context as _, Result, ensure};
use conformance::Caller;

use crate::season::Edition;

/// Where reports are read.
pub struct Reporter {
    caller: Caller,
    paths: Vec<String>,
}

/// The metrics of each place; inside of the API server each plane is one.
#[derive(Debug)]
pub struct Reported(Vec<String>);

impl Reporter {
    /// The admin port of `k8s-wasm serve`.
    #[must_use]
    pub fn of_server(operator: Caller) -> Self {
        Self {
            caller: operator,
            paths: vec!["/metrics".to_owned()],
        }
    }

    /// The paths of the API server with the engine inside.
    #[must_use]
    pub fn of_planes(admin: Caller) -> Self {
        let planes = ["authentication", "authorization", "admission"];
        Self {
            caller: admin,
            paths: planes
                .map(|plane| format!("/debug/k8s-wasm/{plane}/metrics"))
                .into(),
        }
    }

    /// What is reported now.
    ///
    /// # Errors
    /// There is no report.
    pub async fn read(&self) -> Result<Reported> {
        let mut places = Vec::new();
        for path in &self.paths {
            let reply = self.caller.reads(path).await?;
            ensure!(reply.is_success(), "there are no metrics\n{reply}");
            places.push(reply.message().to_owned());
        }
        Ok(Reported(places))
    }

    /// Has changes looked for at once; only `k8s-wasm serve` can be asked to.
    ///
    /// # Errors
    /// It does not say that it does.
    pub async fn reload(&self) -> Result<()> {
        let reply = self
            .caller
            .tries_post("/reload", &serde_json::Value::Null)
            .await?;
        ensure!(reply.is_success(), "a reload is refused\n{reply}");
        Ok(())
    }
}

impl Reported {
    /// Whether the policies of `edition` decide on every plane, and none of the other one.
    #[must_use]
    pub fn is(&self, edition: Edition) -> bool {
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

    /// Whether the files say something that does not load.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.values("k8s_wasm_config_reload_failed")
            .any(|value| value > 0.0)
    }

    /// How often policies were put in place, all places together.
    #[must_use]
    pub fn loaded(&self) -> f64 {
        self.values("k8s_wasm_config_reloads_total{result=\"success\"}")
            .sum()
    }

    /// How often a change was not, all places together.
    #[must_use]
    pub fn refused(&self) -> f64 {
        self.values("k8s_wasm_config_reloads_total{result=\"failure\"}")
            .sum()
    }

    /// When the server's certificate expires, Unix time.
    ///
    /// # Errors
    /// That is not reported.
    pub fn certificate_expiry(&self) -> Result<f64> {
        self.values("k8s_wasm_certificate_expiration_timestamp_seconds")
            .next()
            .context("no expiry is reported")
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
    fn an_edition_is_in_place_when_all_planes_have_it() {
        let both = Reported(vec![PLANE.to_owned(), PLANE.to_owned()]);
        assert!(both.is(Edition::B) && !both.is(Edition::A));
        assert_eq!(both.loaded() as u64, 4);
        assert!(!both.is_stale());
        let mixed = Reported(vec![PLANE.to_owned(), PLANE.replace("-b", "-a")]);
        assert!(!mixed.is(Edition::A) && !mixed.is(Edition::B));
    }
}
