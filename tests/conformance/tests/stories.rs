//! Stories: the behaviour of a kube-apiserver with WebAssembly policies, for each front end.
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
#[path = "stories/caching.rs"]
mod caching;
#[path = "stories/context.rs"]
mod context;
#[path = "stories/failures.rs"]
mod failures;
#[path = "stories/kubewarden.rs"]
mod kubewarden;
#[path = "stories/reload.rs"]
mod reload;
#[path = "stories/restart.rs"]
mod restart;
