//! A host from configuration to answer, with modules that are compiled and run.

mod live;
mod loading;
mod policies;
mod vectors;
