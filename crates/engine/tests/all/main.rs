//! What callers of the engine and hostile modules may expect of it.

mod cache;
mod calls;
mod inspect;
mod limits;
mod load;
mod support;
mod wasi;
