//! Our own call, by the engine and the host of k8s-wasm: the whole call, and parts of it.

mod profile;

use std::path::Path;
use std::time::{Duration, Instant};

use access::Plane;
use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use engine::{Engine, Entry, Limits, Options};
use host::config::{Format, Source};
use host::{Configuration, EvaluationRequest, FileModules, Host, Reply};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

pub use self::profile::{PARTS, Sampled};

/// A module that returns at once, to measure the cost of an instance with limits.
const EMPTY: &str = r#"(module (memory (export "memory") 1) (func (export "nothing")))"#;

const DEADLINE: Duration = Duration::from_secs(3);

/// The guest's representation of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// Types
    Typed,
    /// `serde_json::Value`, as in modules of the original project
    Value,
}

impl Style {
    /// Returns the name in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Typed => "typed",
            Self::Value => "value",
        }
    }
}

/// A part of a call. Each step does everything that the step before it does, and one thing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// An empty module
    Empty,
    /// The guest, which returns at once
    Start,
    /// The guest, which copies its input to its output
    Streams,
    /// The guest, which responds
    Answer,
    /// The guest, called by the host
    Host,
}

impl Step {
    /// Returns the name in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Start => "start",
            Self::Streams => "streams",
            Self::Answer => "answer",
            Self::Host => "host",
        }
    }

    /// Describes the work that this step adds.
    pub fn title(self) -> &'static str {
        match self {
            Self::Empty => "create and clear an instance with limits",
            Self::Start => "memory and start of the guest",
            Self::Streams => "stdin and stdout: WASI, the guest's library",
            Self::Answer => "JSON in the guest",
            Self::Host => "JSON and the chain in the host",
        }
    }
}

/// The steps of a call.
pub struct Own {
    runtime: Runtime,
    limits: Limits,
    empty: Entry,
    start: Entry,
    streams: Entry,
    answer: Entry,
    host: Host,
    review: Vec<u8>,
    /// The review in its envelope, as the host passes it to a module.
    input: Vec<u8>,
}

impl Own {
    /// Loads the guest of a style from the folder of guests.
    pub fn load(engine: &Engine, guests: &Path, style: Style, review: Vec<u8>) -> Result<Self> {
        let file = format!("rust_token_{}.own.wasm", style.name());
        let path = guests.join(file).canonicalize()?;
        let guest = engine.load(&std::fs::read(&path)?)?;
        let empty = engine.load(&wat::parse_str(EMPTY)?)?;
        Ok(Self {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()?,
            limits: Limits::default(),
            empty: empty.entry("nothing")?,
            start: guest.entry("nothing")?,
            streams: guest.entry("echo")?,
            answer: guest.entry("authn")?,
            host: host(engine, &path)?,
            input: wire::envelope::input(&review, None),
            review,
        })
    }

    /// Makes a call up to a step, and returns its output.
    pub fn call(&self, step: Step) -> Result<Vec<u8>> {
        let entry = match step {
            Step::Empty => &self.empty,
            Step::Start => &self.start,
            Step::Streams => &self.streams,
            Step::Answer => &self.answer,
            Step::Host => return self.evaluate(),
        };
        let called = entry.call(
            self.input.as_slice(),
            &self.limits,
            Instant::now() + DEADLINE,
        );
        Ok(self.runtime.block_on(called)?.stdout)
    }

    fn evaluate(&self) -> Result<Vec<u8>> {
        let evaluation = self.host.evaluate(EvaluationRequest {
            plane: Plane::Authentication,
            policy: None,
            review: &self.review,
            already_evaluated: &[],
            deadline: Instant::now() + DEADLINE,
        });
        match self.runtime.block_on(evaluation)?.reply {
            Reply::Review(response) => Ok(response),
            Reply::NoDecision(reason) => bail!("the host has no response: {reason}"),
        }
    }

    /// Checks the output of a step.
    pub fn check(&self, step: Step, output: &[u8]) -> Result<()> {
        let program = crate::guests::Program::Token;
        let checked = match step {
            Step::Empty | Step::Start => output.is_empty(),
            Step::Streams => output == self.input,
            Step::Answer => {
                let response = wire::envelope::output(output)?;
                return program.check(&self.review, response.get().as_bytes());
            }
            Step::Host => return program.check(&self.review, output),
        };
        anyhow::ensure!(checked, "wrong output");
        Ok(())
    }

    /// Samples the whole call.
    pub fn profile(&self, time: Duration) -> Result<Vec<Sampled>> {
        profile::profile(time, || self.evaluate().map(drop))
    }
}

/// Loads a host with one authenticator.
fn host(engine: &Engine, module: &Path) -> Result<Host> {
    let text = serde_json::json!({
        "apiVersion": "k8s-wasm/v1alpha1", "kind": "Configuration",
        "authentication": {"modules": [{"module": module}]},
    });
    // JSON is YAML.
    let source = Source::text(
        Format::Configuration,
        "study.yaml",
        text.to_string().into_bytes(),
    );
    let configuration =
        Configuration::load(&[source]).context("the configuration of our own call is invalid")?;
    Ok(Host::load(&configuration, &FileModules, engine)?)
}

/// Creates an engine with the options of `k8s-wasm serve`.
pub fn engine() -> Result<Engine> {
    Ok(Engine::new(Options::default())?)
}
