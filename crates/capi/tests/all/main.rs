//! The C ABI as callers use it: from a C program under the sanitizers, and from many threads.

mod abi;
mod modules;
mod threads;
