//! `k8s-wasm run`: evaluates a review from a file.

mod diff;
mod json;
mod kubewarden;
mod module;
mod review;
mod stages;
mod text;

use std::convert::Infallible;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use capabilities::Capabilities;
use host::config;
use host::{Configuration, Host, Verdict};
use observe::Origin;
use wire::EntryPoint;
use wire::review::Kind;

use crate::configuration::{ConfigurationArgs, EngineArgs};
use crate::outcome::{CommandError, Exit, Outcome, ResultExt};
use crate::terminal::Styles;
use crate::{logging, runtime, trace};

use review::Review;
use stages::Stage;

/// Evaluate a review from a file
///
/// Evaluates a module, or the policies of a configuration, with the limits and checks of the
/// webhook server. The file contains a TokenReview, SubjectAccessReview or AdmissionReview in JSON
/// or YAML. An AdmissionReview is evaluated by the mutating policies and then, with the mutated
/// object, by the validating ones.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  # Authenticate a token with a module
  k8s-wasm run magic_authenticator.wasm -r - <<END
  apiVersion: authentication.k8s.io/v1
  kind: TokenReview
  spec: {token: magic-token}
  END

  # Print the response that kube-apiserver would receive
  k8s-wasm run --config policies.yaml -r admission-review.json --entry-point validate -o review")]
pub(crate) struct Args {
    /// Module to evaluate, instead of a configuration
    #[arg(value_name = "MODULE.wasm", value_parser = parse_module_path)]
    module: Option<PathBuf>,

    /// Review, in JSON or YAML; `-` reads standard input
    #[arg(long, short, value_name = "FILE|-")]
    request_path: PathBuf,

    /// Entry point to call, if the kind of the review leaves a choice
    #[arg(long, alias = "plane", value_name = "ENTRY_POINT", value_parser = stages::entry_points())]
    entry_point: Option<EntryPoint>,

    /// Evaluate only this policy of the configuration
    #[arg(long, value_name = "NAME", conflicts_with = "module")]
    policy: Option<String>,

    /// Settings of the module, in JSON or YAML
    #[arg(
        long,
        short,
        value_name = "FILE",
        requires = "module",
        conflicts_with = "settings_json"
    )]
    settings_path: Option<PathBuf>,

    /// Settings of the module
    #[arg(long, value_name = "JSON", requires = "module")]
    settings_json: Option<String>,

    /// Time limit of the evaluation, such as `500ms`, `10s` or `1m30s`
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = config::parse_duration)]
    timeout: Duration,

    /// Also print the evaluation trace to stderr
    #[arg(long)]
    trace: bool,

    /// Output format [default: text; kubewarden for a Kubewarden policy if stdout is not a
    /// terminal]
    #[arg(long, short, value_enum)]
    output: Option<Output>,

    #[command(flatten)]
    kubewarden: kubewarden::KubewardenArgs,

    #[command(flatten)]
    configuration: ConfigurationArgs,

    #[command(flatten)]
    engine: EngineArgs,
}

/// The output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// Decision, patch and trace
    Text,
    /// The response of the webhook server
    Review,
    /// Decision and trace, as JSON
    Json,
    /// The output of `kwctl run`, for Kubewarden policies; the exit code is 0 even for rejections
    Kubewarden,
}

/// Removes the scheme of a `file://` URI, which scripts that call `kwctl` use.
fn parse_module_path(text: &str) -> Result<PathBuf, Infallible> {
    Ok(text.strip_prefix("file://").unwrap_or(text).into())
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    logging::init_for_warnings();
    if let Some(policy) = args.kubewarden_policy()? {
        return args.run_kubewarden(&policy, out);
    }
    let review = Review::read(&args.request_path)?;
    let host = args.engine.load(&args.load_configuration(&review)?)?;
    args.evaluate(&host, review, args.output.unwrap_or(Output::Text), out)
}

impl Args {
    /// Returns the module if it is a Kubewarden policy.
    fn kubewarden_policy(&self) -> Result<Option<kubewarden::PolicyFile>, CommandError> {
        match &self.module {
            Some(module) if self.configuration.is_empty() => {
                kubewarden::PolicyFile::open(module, &self.kubewarden)
            }
            _ => Ok(None),
        }
    }

    fn run_kubewarden(&self, policy: &kubewarden::PolicyFile, out: &mut dyn Write) -> Outcome {
        let capabilities = self.kubewarden.capabilities(&self.engine)?;
        let host = self.load_kubewarden(policy, &capabilities, out)?;
        let request = policy.read_request(&self.kubewarden, &self.request_path)?;
        // Scripts get the format that they parse, and people one that they can read.
        let default = if io::stdout().is_terminal() && !policy.is_raw(&self.kubewarden) {
            Output::Text
        } else {
            Output::Kubewarden
        };
        let output = self.output.unwrap_or(default);
        if output == Output::Kubewarden {
            let evaluation = kubewarden::evaluate(&host, &request, self.timeout, out);
            let exit = runtime::current_thread()?.block_on(evaluation)?;
            kubewarden::warn_about_unused_recordings(&capabilities);
            return Ok(exit);
        }
        let review = Review {
            kind: Kind::AdmissionReview,
            json: request.to_review(),
        };
        self.evaluate(&host, review, output, out)
    }

    /// Loads a host whose only policy is a Kubewarden policy.
    fn load_kubewarden(
        &self,
        policy: &kubewarden::PolicyFile,
        capabilities: &Capabilities,
        out: &mut dyn Write,
    ) -> Result<Host, CommandError> {
        let settings = kubewarden::read_settings(
            self.settings_path.as_deref(),
            self.settings_json.as_deref(),
        )?;
        let configuration = policy.to_configuration(&self.kubewarden, settings, self.timeout)?;
        kubewarden::load(&self.engine, &configuration, capabilities, out)
    }

    /// Loads the configuration, or creates one whose only policy is the module.
    fn load_configuration(&self, review: &Review) -> Result<Configuration, CommandError> {
        match (&self.module, self.configuration.is_empty()) {
            (Some(module), true) => {
                let settings = module::read_settings(
                    self.settings_path.as_deref(),
                    self.settings_json.as_deref(),
                )?;
                module::to_configuration(
                    module,
                    review.kind,
                    self.entry_point,
                    settings,
                    self.timeout,
                )
            }
            (None, false) => self.configuration.load(),
            (Some(_), false) => Err(anyhow!("both a module and a configuration given"))
                .with_hint("use `--policy NAME` to evaluate a single policy of a configuration"),
            (None, true) => Err(anyhow!("neither a module nor a configuration given"))
                .with_hint("name a module, or use `--config FILE`"),
        }
    }

    /// Evaluates a review, and prints the result.
    fn evaluate(
        &self,
        host: &Host,
        review: Review,
        output: Output,
        out: &mut dyn Write,
    ) -> Outcome {
        let policy = self.policy.as_deref();
        let planes = stages::planes(host, review.kind, self.entry_point, policy)?;
        if output == Output::Review && planes.len() > 1 {
            return Err(anyhow!(
                "the configuration mutates and validates, which are two responses"
            ))
            .with_hint("use `--entry-point mutate` or `--entry-point validate`");
        }
        let evaluation = stages::evaluate(host, &planes, policy, review.json, self.timeout);
        let stages = runtime::current_thread()?.block_on(evaluation)?;
        if self.trace && output != Output::Text {
            write_traces(&stages)?;
        }
        match output {
            Output::Text => text::write(out, Styles::for_stream(&io::stdout()), &stages)?,
            Output::Json => json::write(out, &stages)?,
            Output::Review => write_replies(out, &stages)?,
            Output::Kubewarden => {
                return Err(anyhow!("`-o kubewarden` requires a Kubewarden policy"))
                    .with_hint("use `-o review`, or another output format");
            }
        }
        Ok(exit_of(&stages))
    }
}

/// Writes the traces to stderr, so that they do not mix with the output.
fn write_traces(stages: &[Stage]) -> io::Result<()> {
    let mut stderr = io::stderr();
    let styles = Styles::for_stream(&stderr);
    for stage in stages {
        let verdict = trace::styled_verdict(stage.evaluation.verdict(), styles);
        writeln!(stderr, "{}: {verdict}", stage.plane)?;
        trace::write(&mut stderr, &stage.evaluation.trace.steps)?;
    }
    Ok(())
}

/// Writes the response bodies of the webhook server.
fn write_replies(out: &mut dyn Write, stages: &[Stage]) -> io::Result<()> {
    for stage in stages {
        let origin = Origin::Chain(stage.plane);
        let (_, body) = server::status_and_body(origin, &stage.evaluation.reply);
        out.write_all(&body)?;
        writeln!(out)?;
    }
    Ok(())
}

/// Returns the exit code of the last stage. All stages before it have accepted the object.
fn exit_of(stages: &[Stage]) -> Exit {
    match stages.last().map(|stage| stage.evaluation.verdict()) {
        Some(Verdict::Authenticated | Verdict::Allowed | Verdict::Accepted | Verdict::Patched) => {
            Exit::Success
        }
        Some(
            Verdict::Unauthenticated | Verdict::Denied | Verdict::NoOpinion | Verdict::Rejected,
        ) => Exit::Negative,
        Some(Verdict::Failed) | None => Exit::Failure,
    }
}
