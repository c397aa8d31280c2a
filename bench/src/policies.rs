//! The policies under measurement: the four magic examples and Kubewarden policies.

use std::path::PathBuf;
use std::time::Duration;

use access::{Plane, authn, rules::Rule};
use anyhow::Context as _;
use host::config::{
    AdmissionModule, AdmissionPolicy, Authenticator, Authorizer, Policy, Position, Program,
};
use host::{Configuration, FileModules, Host};

/// Returns the planes in the order of the tables, each with the path and a review of its webhook.
pub fn planes() -> [(Plane, &'static str, Vec<u8>); 4] {
    [
        (Plane::Authentication, "/authn", crate::reviews::token()),
        (Plane::Authorization, "/authz", crate::reviews::access()),
        (Plane::Validation, "/validate", crate::reviews::configmap()),
        (Plane::Mutation, "/mutate", crate::reviews::configmap()),
    ]
}

/// A Kubewarden policy in waPC.
pub struct WaPc {
    /// The name of the module, and of the policy.
    pub name: &'static str,
    /// Path of its webhook, in our server and in policy-server.
    pub path: &'static str,
    pub mutating: bool,
    /// JSON text.
    pub settings: &'static str,
}

/// The Kubewarden policies that are measured, one validating and one mutating.
pub const WAPC: [WaPc; 2] = [
    WaPc {
        name: "deny_names",
        path: "/validate/deny_names",
        mutating: false,
        settings: r#"{"denied":["forbidden"]}"#,
    },
    WaPc {
        name: "add_labels",
        path: "/validate/add_labels",
        mutating: true,
        settings: r#"{"labels":{"team":"blue"}}"#,
    },
];

impl WaPc {
    pub fn module(&self) -> anyhow::Result<PathBuf> {
        module(&format!("policies/{}", self.name))
    }

    /// Returns the configuration of the policy, which is evaluated at its own URL only.
    fn admission_policy(&self) -> anyhow::Result<AdmissionPolicy> {
        let mut policy = admission_policy(&format!("policies/{}", self.name), self.mutating)?;
        policy.policy.settings = Some(serde_json::from_str(self.settings)?);
        Ok(policy)
    }
}

/// Loads a host with a validating and a mutating Kubewarden policy in waPC.
pub fn kubewarden_host(engine: &engine::Engine) -> anyhow::Result<Host> {
    let configuration = Configuration {
        admission: WAPC
            .iter()
            .map(WaPc::admission_policy)
            .collect::<anyhow::Result<_>>()?,
        ..Configuration::default()
    };
    Ok(Host::load(&configuration, &FileModules, engine)?)
}

/// Returns a configuration of sixteen Kubewarden policies, eight per module.
pub fn sixteen() -> anyhow::Result<Configuration> {
    let mut admission = Vec::new();
    for n in 0..8 {
        for policy in &WAPC {
            let mut copy = policy.admission_policy()?;
            copy.policy.name = format!("{}-{n}", policy.name).parse()?;
            admission.push(copy);
        }
    }
    Ok(Configuration {
        admission,
        ..Configuration::default()
    })
}

/// Loads a host with one magic policy on each plane.
pub fn host(engine: &engine::Engine) -> anyhow::Result<Host> {
    let configuration = Configuration {
        authentication: vec![Authenticator {
            policy: policy("magic_authenticator")?,
            module: module("magic_authenticator")?,
            system_names: authn::SystemNames::Refused,
            mode: access::Mode::Protect,
        }],
        authorization: vec![Authorizer {
            policy: policy("magic_authorizer")?,
            module: module("magic_authorizer")?,
            on_failure: access::authz::OnFailure::NoOpinion,
            mode: access::Mode::Protect,
        }],
        admission: vec![
            admission_policy("magic_validator", false)?,
            admission_policy("magic_mutator", true)?,
        ],
        ..Configuration::default()
    };
    Ok(Host::load(&configuration, &FileModules, engine)?)
}

/// Returns the path of a module that `cargo xtask guests` has built.
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
            file: module,
            line: None,
        },
        settings: None,
        timeout: Duration::from_secs(1),
        limits: engine::Limits::default(),
        debug: false,
    })
}

fn admission_policy(name: &str, mutating: bool) -> anyhow::Result<AdmissionPolicy> {
    Ok(AdmissionPolicy {
        policy: policy(name)?,
        mutating,
        rules: vec![Rule::everything()],
        on_failure: access::admission::OnFailure::Fail,
        mode: access::Mode::Protect,
        program: Program::Module(AdmissionModule {
            path: module(name)?,
            ..AdmissionModule::default()
        }),
        guarded: host::config::Guarded::default(),
    })
}
