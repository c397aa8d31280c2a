//! What a kube-apiserver does when WebAssembly modules decide, whichever way it asks them.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may panic"
)]

#[path = "stories/wirings.rs"]
#[macro_use]
mod wirings;

#[path = "stories/admission.rs"]
mod admission;
#[path = "stories/authentication.rs"]
mod authentication;
#[path = "stories/authorization.rs"]
mod authorization;
#[path = "stories/context.rs"]
mod context;
#[path = "stories/failures.rs"]
mod failures;
#[path = "stories/kubewarden.rs"]
mod kubewarden;
#[path = "stories/patience.rs"]
mod patience;
#[path = "stories/reload.rs"]
mod reload;
#[path = "stories/restart.rs"]
mod restart;
