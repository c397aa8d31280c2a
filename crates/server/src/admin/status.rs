//! The status of the server: readiness, loaded policies and failed reloads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use host::config::Protocol;
use host::{Host, PolicyInfo};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Notify;

/// The status of the server. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Status(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_ready: AtomicBool,
    /// The error of the last reload, if it failed.
    reload_error: Mutex<Option<String>>,
    /// The error of a changed certificate, if it does not load.
    certificate_error: Mutex<Option<String>>,
    reload: Notify,
}

/// The response of `/status`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    version: &'static str,
    ready: bool,
    /// 1 after the start, incremented by each reload.
    generation: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reload_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_error: Option<String>,
    policies: Vec<Policy>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Policy {
    plane: &'static str,
    name: String,
    /// None for a group, which has no module of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    protocol: &'static str,
    entry_point: &'static str,
}

impl Status {
    pub(crate) fn set_ready(&self, is_ready: bool) {
        self.0.is_ready.store(is_ready, Ordering::Relaxed);
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.0.is_ready.load(Ordering::Relaxed)
    }

    /// Sets the error of the last reload; none if it succeeded.
    pub(crate) fn set_reload_error(&self, error: Option<String>) {
        *self.0.reload_error.lock() = error;
    }

    /// Sets the error of a changed certificate; none if it was loaded.
    pub(crate) fn set_certificate_error(&self, error: Option<String>) {
        *self.0.certificate_error.lock() = error;
    }

    /// Requests a reload. Requests that arrive before a reload starts count as one.
    pub(crate) fn request_reload(&self) {
        self.0.reload.notify_one();
    }

    /// Resolves when a reload is requested.
    pub(crate) async fn reload_requested(&self) {
        self.0.reload.notified().await;
    }

    /// Returns the response of `/status`.
    pub(crate) fn to_json(&self, host: &Host, generation: u64) -> Vec<u8> {
        let report = Report {
            version: env!("CARGO_PKG_VERSION"),
            ready: self.is_ready(),
            generation,
            reload_error: self.0.reload_error.lock().clone(),
            certificate_error: self.0.certificate_error.lock().clone(),
            policies: host.policies().map(Policy::from).collect(),
        };
        // Strings, numbers and lists: serialization to memory cannot fail.
        serde_json::to_vec(&report).unwrap_or_default()
    }
}

impl From<PolicyInfo> for Policy {
    fn from(policy: PolicyInfo) -> Self {
        Self {
            plane: policy.plane.as_str(),
            name: policy.name.to_string(),
            digest: policy.digest.map(|digest| digest.to_string()),
            protocol: match policy.protocol {
                Protocol::Wasi => "wasi",
                Protocol::Kubewarden => "kubewarden",
            },
            entry_point: policy.entry_point.as_str(),
        }
    }
}
