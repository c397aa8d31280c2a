//! The modules under measurement: the four magic examples, built by `cargo xtask guests`.

use std::path::PathBuf;
use std::time::Duration;

use access::{Plane, authn, rules::Rule};
use anyhow::Context as _;
use host::config::{Admitter, Authenticator, Authorizer, Policy, Position};
use host::{Configuration, FileModules, Host};

/// The planes in the order of the tables, with the path of the webhook and the review that is asked.
pub fn planes() -> [(Plane, &'static str, Vec<u8>); 4] {
    [
        (Plane::Authentication, "/authn", crate::reviews::token()),
        (Plane::Authorization, "/authz", crate::reviews::access()),
        (Plane::Validation, "/validate", crate::reviews::configmap()),
        (Plane::Mutation, "/mutate", crate::reviews::configmap()),
    ]
}

/// A host with one magic policy on each plane.
pub fn host(engine: &engine::Engine) -> anyhow::Result<Host> {
    let configuration = Configuration {
        authentication: vec![Authenticator {
            policy: policy("magic_authenticator")?,
            system_names: authn::SystemNames::Refused,
        }],
        authorization: vec![Authorizer {
            policy: policy("magic_authorizer")?,
            on_failure: access::authz::OnFailure::NoOpinion,
        }],
        admission: vec![
            admitter("magic_validator", false)?,
            admitter("magic_mutator", true)?,
        ],
        engine: engine::Options::default(),
    };
    Ok(Host::load(&configuration, &FileModules, engine)?)
}

/// The file of a module that `cargo xtask guests` built.
pub fn module(name: &str) -> anyhow::Result<PathBuf> {
    let folder = std::env::var_os("K8S_WASM_GUESTS")
        .context("K8S_WASM_GUESTS is not set: run this with `cargo xtask bench`")?;
    Ok(PathBuf::from(folder).join(format!("{name}.wasm")))
}

fn policy(name: &str) -> anyhow::Result<Policy> {
    let module = module(name)?;
    Ok(Policy {
        name: name.parse()?,
        position: Position {
            file: module.clone(),
            line: None,
        },
        module,
        settings: None,
        timeout: Duration::from_secs(1),
        limits: engine::Limits::default(),
        debug: false,
        dialect: None,
    })
}

fn admitter(name: &str, mutating: bool) -> anyhow::Result<Admitter> {
    Ok(Admitter {
        policy: policy(name)?,
        mutating,
        rules: vec![Rule::everything()],
        on_failure: access::admission::OnFailure::Fail,
    })
}
