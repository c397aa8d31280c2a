//! The configuration of policies: YAML files, resolved into types that cannot be invalid.
//!
//! There are two layers. The private module `spec` has the fields of the files, whose doc comments
//! are the reference, `docs/reference/configuration.md`. [`Configuration`] is the resolved form:
//! everything is checked on the way there, once, and nothing is checked again later.
//!
//! ```
//! use config::{Configuration, Format, Source};
//!
//! let text = "
//! apiVersion: k8s-wasm/v1alpha1
//! kind: Configuration
//! authorization:
//!   modules:
//!   - {name: owners, module: owners.wasm, timeout: 250ms}
//! ";
//! let source = Source::text(Format::Configuration, "/etc/k8s-wasm/policies.yaml", text.into());
//! let configuration = Configuration::load(&[source])?;
//! assert_eq!(configuration.authorization[0].policy.name.as_str(), "owners");
//! # Ok::<(), config::ConfigErrors>(())
//! ```

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod configuration;
mod diagnostics;
mod document;
mod exemptions;
mod header;
mod kubewarden_policies;
mod original;
mod quantity;
mod resolve;
mod resolved;
mod source;
mod spec;

pub use configuration::Configuration;
pub use diagnostics::{ConfigError, ConfigErrors, Position, Snippet};
pub use exemptions::{EssentialOperation, Exemptions, UnknownOperation};
pub use quantity::{
    ParseDurationError, ParseSizeError, format_duration, parse_duration, parse_size,
};
pub use resolved::{
    AdmissionModule, AdmissionPolicy, Authenticator, Authorizer, Group, GroupMember, Guarded,
    Kubewarden, Policy, Program, Protocol,
};
pub use source::{Format, Section, Source};

/// Returns the JSON Schema (draft 2020-12) of the configuration file.
#[cfg(feature = "schema")]
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::generate::SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<spec::Configuration>()
        .to_value()
}
