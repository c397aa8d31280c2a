//! The C ABI as its callers have it: from a C program under the sanitizers, and from many threads at once.

mod compiler;
mod modules;
mod smoke;
mod threads;
