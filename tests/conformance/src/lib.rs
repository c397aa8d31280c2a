//! Stories against a real kube-apiserver: the harness that starts one, and verbs that read like a
//! specification.
//!
//! ```text
//! let cluster = V1.cluster().await;
//! let magic = cluster.with_token("magic-token");
//! magic.logs_in_as("magic-user", ["magic-group"]).await;
//! magic.may("list", "configmaps").await;
//! magic.may_not("list", "pods").await.because("magic-user");
//! ```
//!
//! A cluster consists of etcd, `k8s-wasm serve` and a kube-apiserver that is configured with
//! exactly the files that `k8s-wasm manifests` prints; or of etcd and a kube-apiserver with the
//! engine inside. They run in one directory and end with the process that started them, however it
//! ends. A verb panics with the caller, the request and the response if its expectation does not
//! hold.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test harness may panic"
)]

pub mod caller;
pub mod certificates;
pub mod cluster;
pub mod directory;
pub mod http;
mod in_process;
pub mod kubernetes;
pub mod objects;
pub mod operation;
pub mod ports;
pub mod process;
pub mod programs;
pub mod reply;
pub mod running;
pub mod script;
pub mod shared;
pub mod webhook;
pub mod wiring;

pub use caller::Caller;
pub use cluster::Cluster;
pub use operation::Operation;
pub use programs::Programs;
pub use running::Running;
pub use script::{Action, Script};
pub use shared::Shared;
pub use wiring::{FrontEnd, ReviewVersion, Wiring};
