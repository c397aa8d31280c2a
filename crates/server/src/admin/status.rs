//! What the server is doing: whether it takes reviews, with which policies, and what became of the last change.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use host::config::Dialect;
use host::{Host, PolicyInfo};
use serde::Serialize;
use tokio::sync::Notify;

/// What the server is doing. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Status(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    ready: AtomicBool,
    /// Why the last change is not in place.
    problem: Mutex<Option<String>>,
    /// Why a certificate in the files is not shown.
    certificate_problem: Mutex<Option<String>>,
    reload: Notify,
}

/// The answer of `/status`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    version: &'static str,
    ready: bool,
    /// 1 at first, one more with each change that is in place.
    generation: u64,
    /// Why the last change is not in place; absent when it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a str>,
    /// Why a changed certificate is not in use; absent when it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_problem: Option<&'a str>,
    policies: Vec<Policy>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Policy {
    plane: &'static str,
    name: String,
    /// Groups have none of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    dialect: &'static str,
    entry_point: &'static str,
}

impl Status {
    pub(crate) fn set_ready(&self, ready: bool) {
        self.0.ready.store(ready, Ordering::Relaxed);
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Relaxed)
    }

    /// Other policies are in place.
    pub(crate) fn changed(&self) {
        *locked(&self.0.problem) = None;
    }

    /// A change is not in place, and why.
    pub(crate) fn kept(&self, problem: String) {
        *locked(&self.0.problem) = Some(problem);
    }

    /// Why a certificate in the files is not shown, or that nothing is wrong with it.
    pub(crate) fn set_certificate_problem(&self, problem: Option<String>) {
        *locked(&self.0.certificate_problem) = problem;
    }

    pub(crate) fn request_reload(&self) {
        // One request is kept when nobody waits.
        self.0.reload.notify_one();
    }

    pub(crate) async fn reload_requested(&self) {
        self.0.reload.notified().await;
    }

    /// JSON.
    pub(crate) fn report(&self, host: &Host, generation: u64) -> Vec<u8> {
        let problem = locked(&self.0.problem).clone();
        let certificate_problem = locked(&self.0.certificate_problem).clone();
        let report = Report {
            version: env!("CARGO_PKG_VERSION"),
            ready: self.is_ready(),
            generation,
            problem: problem.as_deref(),
            certificate_problem: certificate_problem.as_deref(),
            policies: host.policies().map(Policy::from).collect(),
        };
        // Texts, numbers and lists: writing them to memory cannot fail.
        serde_json::to_vec(&report).unwrap_or_default()
    }
}

fn locked(problem: &Mutex<Option<String>>) -> MutexGuard<'_, Option<String>> {
    problem.lock().unwrap_or_else(PoisonError::into_inner)
}

impl From<PolicyInfo> for Policy {
    fn from(policy: PolicyInfo) -> Self {
        Self {
            plane: policy.plane.as_str(),
            name: policy.name.to_string(),
            digest: policy.digest.map(|digest| digest.to_string()),
            dialect: match policy.dialect {
                Dialect::Wasi => "wasi",
                Dialect::Kubewarden => "kubewarden",
            },
            entry_point: policy.entry_point.as_str(),
        }
    }
}
