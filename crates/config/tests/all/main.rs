//! Configuration files: their fields, and the errors in them.

mod configuration;
mod sections;
