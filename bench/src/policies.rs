//! The modules under measurement: the four magic examples, built by `cargo xtask guests`.

use std::path::PathBuf;
use std::time::Duration;

use access::{Plane, authn, rules::Rule};
use anyhow::Context as _;
use host::config::{Admitter, Asked, Authenticator, Authorizer, Policy, Position};
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

/// Kubewarden policies in waPC, by the URLs that have one of them each.
pub fn kubewarden_urls() -> [(&'static str, Vec<u8>); 2] {
    [
        ("/validate/deny_names", crate::reviews::configmap()),
        ("/validate/add_labels", crate::reviews::configmap()),
    ]
}

/// A Kubewarden policy that is asked at its own URL only.
fn kubewarden(name: &str, mutating: bool, settings: &str) -> anyhow::Result<Admitter> {
    let mut admitter = admitter(&format!("policies/{name}"), mutating)?;
    admitter.policy.settings = Some(serde_json::from_str(settings)?);
    Ok(admitter)
}

/// A host with a validating and a mutating Kubewarden policy in waPC.
pub fn kubewarden_host(engine: &engine::Engine) -> anyhow::Result<Host> {
    let configuration = Configuration {
        admission: vec![
            kubewarden("deny_names", false, r#"{"denied":["forbidden"]}"#)?,
            kubewarden("add_labels", true, r#"{"labels":{"team":"blue"}}"#)?,
        ],
        ..Configuration::default()
    };
    Ok(Host::load(&configuration, &FileModules, engine)?)
}

/// Sixteen Kubewarden policies over the modules that there are: what a start costs.
pub fn sixteen() -> anyhow::Result<Configuration> {
    const DENY: &str = r#"{"denied":["forbidden"]}"#;
    const ADD: &str = r#"{"labels":{"team":"blue"}}"#;
    let mut admission = Vec::new();
    for n in 0..8 {
        for (module, mutating, settings) in [("deny_names", false, DENY), ("add_labels", true, ADD)]
        {
            let mut admitter = kubewarden(module, mutating, settings)?;
            admitter.policy.name = format!("{module}-{n}").parse()?;
            admission.push(admitter);
        }
    }
    Ok(Configuration {
        admission,
        ..Configuration::default()
    })
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
        name: name.rsplit('/').next().unwrap_or(name).parse()?,
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
        mode: access::admission::Mode::Protect,
        asked: Asked::Module(host::config::Kubewarden::default()),
    })
}
