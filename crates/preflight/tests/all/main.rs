//! The lock-out guard with modules that are compiled and run.

mod guard;
