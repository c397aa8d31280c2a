//! `k8s-wasm run`: asks policies about a review in a file, as the webhook would, and explains the answer.

mod ask;
mod diff;
mod json;
mod kubewarden;
mod review;
mod subject;
mod text;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use access::Plane;
use anyhow::{Context, anyhow};
use capabilities::Capabilities;
use host::config;
use host::{Host, Reply, Verdict};
use wire::review::Kind;

use crate::configuration::{ConfigurationArgs, EngineArgs};
use crate::exit::Exit;
use crate::logging;
use crate::paint::Paint;
use crate::report::{Failed, OrFailed, Outcome};
use crate::trace;

use ask::Stage;
use review::Review;

/// Ask policies about a review in a file
///
/// Asks one module, or with --config a whole configuration, exactly as the webhook server would: same limits, same checks,
/// same answer. The file holds a TokenReview, a SubjectAccessReview or an AdmissionReview, in JSON or YAML. An
/// AdmissionReview goes to the mutating policies first and then, as changed, to the validating ones.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Example, a module and the token it should know:
  k8s-wasm run magic_authenticator.wasm -r - <<END
  apiVersion: authentication.k8s.io/v1
  kind: TokenReview
  spec: {token: magic-token}
  END

Example, what the API server would be sent:
  k8s-wasm run --config policies.yaml -r admission-review.json --entry-point validate -o review")]
pub(crate) struct Args {
    /// The module to ask; or name a configuration
    #[arg(value_name = "MODULE.wasm", value_parser = module_path)]
    module: Option<PathBuf>,

    /// The review: JSON or YAML; `-` reads standard input
    #[arg(long, short, value_name = "FILE|-")]
    request_path: PathBuf,

    /// Which question to ask, when the review and the module leave several
    #[arg(long, alias = "plane", value_name = "ENTRY POINT", value_enum)]
    entry_point: Option<EntryPoint>,

    /// Ask only this policy of the configuration
    #[arg(long, value_name = "NAME", conflicts_with = "module")]
    policy: Option<String>,

    /// Settings for the module, JSON or YAML
    #[arg(
        long,
        short,
        value_name = "FILE",
        requires = "module",
        conflicts_with = "settings_json"
    )]
    settings_path: Option<PathBuf>,

    /// Settings for the module
    #[arg(long, value_name = "JSON", requires = "module")]
    settings_json: Option<String>,

    /// How long to wait for the answer, as `?timeout=` says for kube-apiserver
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = config::parse_duration)]
    timeout: Duration,

    /// Tell on standard error, too, which policies were asked and what each answered
    #[arg(long)]
    explain: bool,

    /// What to print [default: text; for a Kubewarden policy and no terminal, kubewarden]
    #[arg(long, short, value_enum)]
    output: Option<Output>,

    #[command(flatten)]
    kubewarden: kubewarden::Flags,

    #[command(flatten)]
    configuration: ConfigurationArgs,

    #[command(flatten)]
    engine: EngineArgs,
}

/// A path, or a `file://` URI as scripts around `kwctl` have it.
fn module_path(text: &str) -> Result<PathBuf, std::convert::Infallible> {
    Ok(text.strip_prefix("file://").unwrap_or(text).into())
}

/// The functions that modules export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum EntryPoint {
    /// Who does this token belong to?
    Authn,
    /// May this user do that?
    Authz,
    /// May this object be stored?
    Validate,
    /// In what form is this object stored?
    Mutate,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// The decision, the change and the trace, for people.
    Text,
    /// The review that answers, exactly as the webhook would send it.
    Review,
    /// The decision and the trace, for programs.
    Json,
    /// The AdmissionResponse of a Kubewarden policy as `kwctl run` prints it; the exit code is 0 even when it rejects.
    Kubewarden,
}

impl EntryPoint {
    fn plane(self) -> Plane {
        match self {
            Self::Authn => Plane::Authentication,
            Self::Authz => Plane::Authorization,
            Self::Validate => Plane::Validation,
            Self::Mutate => Plane::Mutation,
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    logging::init_quietly();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")
        .environment()?;
    let policy = match &args.module {
        Some(module) if args.configuration.is_empty() => {
            kubewarden::Subject::find(module, &args.kubewarden)?
        }
        _ => None,
    };
    let (review, host, output) = match policy {
        None => {
            let review = Review::read(&args.request_path)?;
            let host = args.engine.load(&args.subject(&review)?)?;
            (review, host, args.output.unwrap_or(Output::Text))
        }
        Some(policy) => {
            let capabilities = args.kubewarden.capabilities(&args.engine)?;
            let host = args.load_kubewarden(&policy, &capabilities, out)?;
            let output = args.output.unwrap_or_else(|| {
                // Scripts get what they know from the peer, people what they can read.
                match io::stdout().is_terminal() && !policy.is_raw(&args.kubewarden) {
                    true => Output::Text,
                    false => Output::Kubewarden,
                }
            });
            let request = policy.request(&args.kubewarden, &args.request_path)?;
            if output == Output::Kubewarden {
                let answering = kubewarden::answer(&host, &request, args.timeout, out);
                let exit = runtime.block_on(answering)?;
                kubewarden::warn_of_leftovers(&capabilities);
                return Ok(exit);
            }
            let review = Review {
                kind: Kind::AdmissionReview,
                json: request.to_review(),
            };
            (review, host, output)
        }
    };
    let planes = ask::planes(&host, review.kind, args.entry_point, args.policy.as_deref())?;
    if output == Output::Review && planes.len() > 1 {
        return Err(anyhow!(
            "the configuration both mutates and validates, which are two answers"
        ))
        .hint("choose one with `--entry-point mutate` or `--entry-point validate`");
    }
    let asking = ask::in_order(
        &host,
        &planes,
        args.policy.as_deref(),
        review.json,
        args.timeout,
    );
    let stages = runtime.block_on(asking)?;
    if args.explain && output != Output::Text {
        explain(&stages)?;
    }
    match output {
        Output::Text => text::write(out, Paint::of(&io::stdout()), &stages)?,
        Output::Json => json::write(out, &stages)?,
        Output::Review => write_reply(out, &stages)?,
        Output::Kubewarden => {
            return Err(anyhow!("`-o kubewarden` is for a Kubewarden policy"))
                .hint("leave it out, or use `-o review`");
        }
    }
    Ok(exit(&stages))
}

/// On standard error, where it is in nobody's way.
fn explain(stages: &[ask::Stage]) -> Result<(), Failed> {
    let mut stderr = io::stderr();
    for stage in stages {
        let verdict = trace::painted(stage.answered.verdict(), Paint::of(&stderr));
        writeln!(stderr, "{}: {verdict}", stage.plane)?;
        trace::write(&mut stderr, &stage.answered.trace.steps)?;
    }
    Ok(())
}

impl Args {
    /// A host with nothing but a Kubewarden policy.
    fn load_kubewarden(
        &self,
        policy: &kubewarden::Subject,
        capabilities: &Capabilities,
        out: &mut dyn Write,
    ) -> Result<Host, Failed> {
        let settings =
            kubewarden::settings(self.settings_path.as_deref(), self.settings_json.as_deref())?;
        let configuration = policy.configuration(&self.kubewarden, settings, self.timeout)?;
        kubewarden::load(&self.engine, &configuration, capabilities, out)
    }

    /// The policies to ask: those of the configuration, or the one that the module alone makes.
    fn subject(&self, review: &Review) -> Result<host::Configuration, Failed> {
        match (&self.module, self.configuration.is_empty()) {
            (Some(module), true) => {
                let settings = subject::settings(
                    self.settings_path.as_deref(),
                    self.settings_json.as_deref(),
                )?;
                subject::of_module(
                    module,
                    review.kind,
                    self.entry_point,
                    settings,
                    self.timeout,
                )
            }
            (None, false) => self.configuration.load(),
            (Some(_), false) => Err(anyhow!("both a module and a configuration were given"))
                .hint("leave one of them out; `--policy NAME` asks one policy of a configuration"),
            (None, true) => Err(anyhow!("neither a module nor a configuration was given"))
                .hint("name a module, or a configuration with `--config FILE`"),
        }
    }
}

/// Exactly the body that the webhook server would answer with.
fn write_reply(out: &mut dyn Write, stages: &[Stage]) -> io::Result<()> {
    for stage in stages {
        match &stage.answered.reply {
            Reply::Review(review) => out.write_all(review)?,
            Reply::Failed(message) => out.write_all(&failure_body(stage.plane, message))?,
        }
        writeln!(out)?;
    }
    Ok(())
}

/// As `server::webhook` answers when a policy failed and nobody decided.
fn failure_body(plane: Plane, message: &str) -> Vec<u8> {
    match plane {
        Plane::Authorization => wire::meta::failure_body(503, "ServiceUnavailable", message),
        _ => wire::meta::failure_body(500, "InternalError", message),
    }
}

/// The last stage tells: each before it was passed.
fn exit(stages: &[Stage]) -> Exit {
    match stages.last().map(|stage| stage.answered.verdict()) {
        Some(Verdict::Authenticated | Verdict::Allowed | Verdict::Accepted | Verdict::Patched) => {
            Exit::Yes
        }
        Some(
            Verdict::Unauthenticated | Verdict::Denied | Verdict::NoOpinion | Verdict::Rejected,
        ) => Exit::No,
        Some(Verdict::Failed) | None => Exit::Failed,
    }
}
