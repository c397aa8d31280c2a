//! The steps of `cargo xtask test`, the fastest first.

use std::process::Command;

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use super::advisories::{self, Outcome};
use crate::apiserver::Profile;
use crate::context::Context;
use crate::kube::{self, Kube};
use crate::process::{self, Pending};
use crate::setup::{self, Setup};
use crate::{apiserver, codegen, fuzz, guests, tidy};

/// A step; its name on the command line is that of the variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Step {
    Format,
    Tidy,
    Clippy,
    Codegen,
    Deny,
    Guests,
    Unit,
    Doc,
    Fuzz,
    Kube,
    Go,
    Vuln,
    Conformance,
}

/// The state that the steps share.
pub struct Run<'a> {
    context: &'a Context,
    /// Build profile of the API server with the engine inside.
    composed: Profile,
    kube: Option<Pending<Kube>>,
}

impl<'a> Run<'a> {
    /// Creates the state without starting anything.
    pub fn new(context: &'a Context, composed: Profile) -> Self {
        Self {
            context,
            composed,
            kube: None,
        }
    }

    /// Starts to build kube-apiserver and etcd in the background.
    pub fn start_kube(&mut self) -> Result<()> {
        self.kube = Some(kube::start(self.context)?);
        Ok(())
    }

    /// Returns the running build, or a new one, which finds the results of the first in the cache.
    fn kube(&mut self) -> Result<Pending<Kube>> {
        self.kube
            .take()
            .map_or_else(|| kube::start(self.context), Ok)
    }
}

impl Step {
    /// Returns the name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    /// Describes the step.
    pub fn title(self) -> &'static str {
        match self {
            Self::Format => "the Rust code is formatted",
            Self::Tidy => "dependency edges, documents, language, examples and vectors",
            Self::Clippy => "no lint warnings",
            Self::Codegen => "the generated files are up to date",
            Self::Deny => "licences, sources and advisories of the Rust dependencies",
            Self::Guests => "the modules and policies compile to WebAssembly",
            Self::Unit => "tests that require only the repository",
            Self::Doc => "the API documentation builds without warnings",
            Self::Fuzz => "a short run of each fuzz target",
            Self::Kube => "kube-apiserver and etcd are available",
            Self::Go => "the API server with the engine inside: format, vet, tests",
            Self::Vuln => "vulnerabilities of the Go dependencies",
            Self::Conformance => "stories against a real kube-apiserver",
        }
    }

    /// Returns whether the step builds or starts a kube-apiserver.
    pub fn needs_cluster(self) -> bool {
        matches!(self, Self::Kube | Self::Conformance)
    }

    /// Reports missing prerequisites before any long build starts.
    pub fn check(self, context: &Context) -> Result<()> {
        match self {
            Self::Format => component(context, "fmt", "rustfmt"),
            Self::Clippy => component(context, "clippy", "clippy"),
            Self::Guests | Self::Unit => guests::check_policies(context),
            Self::Fuzz => fuzz::check(context),
            Self::Kube => kube::check(context),
            Self::Go => {
                guests::check(context)?;
                apiserver::check(context)
            }
            Self::Conformance => {
                guests::check_policies(context)?;
                apiserver::check(context)?;
                setup::check(context)
            }
            Self::Tidy | Self::Codegen | Self::Deny | Self::Doc | Self::Vuln => Ok(()),
        }
    }

    /// Runs the step.
    pub fn run(self, run: &mut Run<'_>) -> Result<Outcome> {
        match self {
            Self::Deny => advisories::cargo_deny(run.context),
            Self::Vuln => advisories::govulncheck(run.context),
            _ => self.run_required(run).map(|()| Outcome::Passed),
        }
    }

    /// Runs a step that is never skipped.
    fn run_required(self, run: &mut Run<'_>) -> Result<()> {
        let context = run.context;
        match self {
            Self::Format => process::run(arguments(context.command("cargo"), "fmt --all --check")),
            Self::Tidy => tidy::run(context, &tidy::Arguments::default()),
            // `--all-targets` does not include the stories, which plain `cargo test` does not run.
            Self::Clippy => ["--all-targets", "--test stories"]
                .into_iter()
                .try_for_each(|targets| {
                    let options = format!("--workspace {targets} -- --deny warnings");
                    process::run(arguments(context.cargo("clippy"), &options))
                }),
            Self::Codegen => codegen::check(context),
            Self::Guests => guests::run(context),
            Self::Unit => {
                guests::build_policies(context)?;
                let mut cargo = arguments(context.cargo("test"), "--workspace");
                cargo.env("K8S_WASM_GUESTS", guests::build(context)?);
                process::run(cargo)
            }
            Self::Doc => {
                let mut cargo = arguments(context.cargo("doc"), "--workspace --no-deps");
                cargo.env("RUSTDOCFLAGS", "--deny warnings");
                process::run(cargo)
            }
            Self::Fuzz => fuzz::test(context),
            Self::Kube => run.kube()?.wait().map(drop),
            // Follows the build of the stock server, which compiles the shared dependencies.
            Self::Go => apiserver::test(context, &guests::build(context)?),
            Self::Conformance => {
                guests::build_policies(context)?;
                let setup = Setup::complete(context, run.kube()?)?;
                let setup = setup.with_composed(context, run.composed)?;
                let mut cargo = arguments(context.cargo("test"), "--workspace --test stories");
                setup.apply(&mut cargo);
                process::run(cargo)
            }
            Self::Deny | Self::Vuln => Ok(()),
        }
    }
}

/// Checks that cargo has a subcommand that minimal installations of Rust lack.
fn component(context: &Context, subcommand: &str, package: &str) -> Result<()> {
    let cargo = arguments(context.command("cargo"), &format!("{subcommand} --version"));
    process::output(cargo).map(drop).with_context(|| {
        format!("`cargo {subcommand}` is missing: install it with `rustup component add {package}`")
    })
}

fn arguments(mut command: Command, arguments: &str) -> Command {
    command.args(arguments.split(' '));
    command
}
