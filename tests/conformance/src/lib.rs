//! Stories against a real kube-apiserver: the harness that starts one, and verbs that read like a specification.
//!
//! ```text
//! let cluster = V1.cluster().await;
//! let magic = cluster.with_token("magic-token");
//! magic.logs_in_as("magic-user", ["magic-group"]).await;
//! magic.may("list", "configmaps").await;
//! magic.may_not("list", "pods").await.because("magic-user");
//! ```
//!
//! Three programs make a cluster: etcd, `k8s-wasm serve` and a kube-apiserver that is plugged into it with exactly the
//! files that `k8s-wasm manifests` prints; or two, when the kube-apiserver has the engine inside. All of them live in one directory and die with the process that started them,
//! however it ends. What a verb finds wrong is a panic that names the caller, the request and the answer.
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
pub use script::{Act, Script};
pub use shared::Shared;
pub use wiring::{Door, ReviewVersion, Wiring};
