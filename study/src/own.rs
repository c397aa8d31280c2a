//! Our own call, by the engine and the host of k8s-wasm itself: the whole, and less and less of it.

mod profile;

use std::path::Path;
use std::time::{Duration, Instant};

use access::Plane;
use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use engine::{Engine, Entry, Limits, Options};
use host::config::{Format, Source};
use host::{Configuration, FileModules, Host, EvaluationRequest, Reply};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

pub use self::profile::{PARTS, Sampled};

/// Ends at once: what is left is the instance, its limits, and the way there and back.
const EMPTY: &str = r#"(module (memory (export "memory") 1) (func (export "nothing")))"#;

const DEADLINE: Duration = Duration::from_secs(3);

/// How the guest treats JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// Parses into types
    Typed,
    /// Parses into `serde_json::Value`, as the original's modules did
    Value,
}

impl Style {
    /// What tables and files call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Typed => "typed",
            Self::Value => "value",
        }
    }
}

/// How much of a call is made. Each has everything that the one before it has, and one thing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// An empty module
    Empty,
    /// The guest, where it does nothing
    Start,
    /// The guest, which writes what it reads
    Streams,
    /// The guest, which answers
    Answer,
    /// The guest, asked by the host
    Host,
}

impl Step {
    /// What tables and files call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Start => "start",
            Self::Streams => "streams",
            Self::Answer => "answer",
            Self::Host => "host",
        }
    }

    /// What this one has and the one before it has not.
    pub fn adds(self) -> &'static str {
        match self {
            Self::Empty => "an instance under limits, made and cleared",
            Self::Start => "the guest's own memory and start",
            Self::Streams => "stdin and stdout: WASI, the guest's library",
            Self::Answer => "JSON in the guest",
            Self::Host => "JSON and the chain in the host",
        }
    }
}

/// The call in each of its steps.
pub struct Own {
    runtime: Runtime,
    limits: Limits,
    empty: Entry,
    start: Entry,
    streams: Entry,
    answer: Entry,
    host: Host,
    review: Vec<u8>,
    /// The review in its envelope, as the host hands it to a module.
    input: Vec<u8>,
}

impl Own {
    /// Loads the guest in this style from the folder of guests.
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

    /// One call, as far as the step goes; what comes out of it.
    pub fn call(&self, step: Step) -> Result<Vec<u8>> {
        let entry = match step {
            Step::Empty => &self.empty,
            Step::Start => &self.start,
            Step::Streams => &self.streams,
            Step::Answer => &self.answer,
            Step::Host => return self.ask(),
        };
        let called = entry.call(
            self.input.as_slice(),
            &self.limits,
            Instant::now() + DEADLINE,
        );
        Ok(self.runtime.block_on(called)?.stdout)
    }

    fn ask(&self) -> Result<Vec<u8>> {
        let asked = self.host.evaluate(EvaluationRequest {
            plane: Plane::Authentication,
            policy: None,
            review: &self.review,
            already_evaluated: &[],
            deadline: Instant::now() + DEADLINE,
        });
        match self.runtime.block_on(asked)?.reply {
            Reply::Review(answer) => Ok(answer),
            Reply::Failed(reason) => bail!("the host has no answer: {reason}"),
        }
    }

    /// Whether what came out of a step is what must.
    pub fn check(&self, step: Step, output: &[u8]) -> Result<()> {
        let program = crate::guests::Program::Token;
        let checked = match step {
            Step::Empty | Step::Start => output.is_empty(),
            Step::Streams => output == self.input,
            Step::Answer => {
                let answer = wire::envelope::output(output)?;
                return program.check(&self.review, answer.get().as_bytes());
            }
            Step::Host => return program.check(&self.review, output),
        };
        anyhow::ensure!(checked, "a wrong answer");
        Ok(())
    }

    /// Samples whole calls.
    pub fn profile(&self, time: Duration) -> Result<Vec<Sampled>> {
        profile::profile(time, || self.ask().map(drop))
    }
}

/// A host with one authenticator.
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
        Configuration::load(&[source]).context("the configuration of our own call")?;
    Ok(Host::load(&configuration, &FileModules, engine)?)
}

/// The engine as `k8s-wasm serve` sets it up.
pub fn engine() -> Result<Engine> {
    Ok(Engine::new(Options::default())?)
}
