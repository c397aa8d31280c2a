//! The steps of `cargo xtask test`, in their order: what fails fastest first.

use std::process::Command;

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::apiserver::Profile;
use crate::context::Context;
use crate::kube::{self, Kube};
use crate::process::{self, Pending};
use crate::setup::{self, Setup};
use crate::{apiserver, codegen, fuzz, guests, tidy};

/// One step; the name on the command line is the variant's.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Step {
    Format,
    Tidy,
    Clippy,
    Codegen,
    Guests,
    Unit,
    Doc,
    Fuzz,
    Kube,
    Go,
    Conformance,
}

/// What the steps share.
pub struct Run<'a> {
    context: &'a Context,
    /// How the API server of the stories is built that has the engine inside.
    composed: Profile,
    kube: Option<Pending<Kube>>,
}

impl<'a> Run<'a> {
    /// Nothing is started yet.
    pub fn new(context: &'a Context, composed: Profile) -> Self {
        Self {
            context,
            composed,
            kube: None,
        }
    }

    /// Begins to build kube-apiserver and etcd in the background.
    pub fn start_kube(&mut self) -> Result<()> {
        self.kube = Some(kube::start(self.context)?);
        Ok(())
    }

    /// The build that is under way, or a new one, which finds everything in the cache once the first is through.
    fn kube(&mut self) -> Result<Pending<Kube>> {
        self.kube
            .take()
            .map_or_else(|| kube::start(self.context), Ok)
    }
}

impl Step {
    /// The name as on the command line.
    pub fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    /// What the step is about.
    pub fn title(self) -> &'static str {
        match self {
            Self::Format => "the code is formatted",
            Self::Tidy => "dependency edges, documents, examples and vectors are in order",
            Self::Clippy => "no lint complains",
            Self::Codegen => "the generated reference pages are fresh",
            Self::Guests => "the modules and the policies compile to WebAssembly",
            Self::Unit => "tests that need nothing but the repository",
            Self::Doc => "the API documentation builds without warnings",
            Self::Fuzz => "a short run of each fuzz target finds nothing",
            Self::Kube => "kube-apiserver and etcd are there",
            Self::Go => "the API server with the engine inside: format, vet, tests",
            Self::Conformance => "stories against a real kube-apiserver",
        }
    }

    /// Whether the step starts a kube-apiserver, or makes one ready.
    pub fn needs_cluster(self) -> bool {
        matches!(self, Self::Kube | Self::Conformance)
    }

    /// Says what only the user can install, before anything long starts.
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
            Self::Tidy | Self::Codegen | Self::Doc => Ok(()),
        }
    }

    /// Runs the step.
    pub fn run(self, run: &mut Run<'_>) -> Result<()> {
        let context = run.context;
        match self {
            Self::Format => process::run(arguments(context.command("cargo"), "fmt --all --check")),
            Self::Tidy => tidy::run(context),
            // The stories are no part of `--all-targets`: they are not run by plain `cargo test`.
            Self::Clippy => ["--all-targets", "--test stories"]
                .into_iter()
                .try_for_each(|targets| {
                    let what = format!("--workspace {targets} -- --deny warnings");
                    process::run(arguments(context.cargo("clippy"), &what))
                }),
            Self::Codegen => codegen::check(context),
            Self::Guests => guests::run(context, &guests::Arguments::default()),
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
            // After the stock server is built: what both are made of is compiled then.
            Self::Go => apiserver::test(context, &guests::build(context)?),
            Self::Conformance => {
                guests::build_policies(context)?;
                let setup = Setup::complete(context, run.kube()?)?;
                let setup = setup.with_composed(context, run.composed)?;
                let mut cargo = arguments(context.cargo("test"), "--workspace --test stories");
                setup.apply(&mut cargo);
                process::run(cargo)
            }
        }
    }
}

/// Checks that cargo has a subcommand that small installations of Rust lack.
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
