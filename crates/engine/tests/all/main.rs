//! Behaviour of the engine towards its callers and towards hostile modules.

mod cache;
mod calls;
mod inspect;
mod limits;
mod load;
mod support;
mod wasi;
