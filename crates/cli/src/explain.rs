//! `k8s-wasm explain`: why a request was allowed, denied, rejected or failed.

use std::io::{self, Write};
use std::time::Duration;

use access::{Plane, text};
use anyhow::anyhow;
use host::{Subject, Verdict};
use observe::Record;

use crate::admin::Origin;
use crate::exit::Exit;
use crate::logging;
use crate::paint::Paint;
use crate::report::{Failed, Outcome};
use crate::trace;

/// Tell why requests were decided as they were
///
/// A running server keeps its last 1000 decisions, each with what every policy said. The newest come last. For the kube-apiserver
/// with the engine inside, `kubectl get --raw /debug/k8s-wasm/authorization/decisions | k8s-wasm explain -f -`, and likewise
/// for authentication and admission.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Example, why jane was just refused something:
  k8s-wasm explain --refused --user jane --last 1

Example, everything about one admission request, by the uid in the log or in an audit event:
  k8s-wasm explain 705ab4f5-6393-11e8-b7cc-42010a800002")]
pub(crate) struct Args {
    /// The uid of a review, or the sequence number of a decision
    uid: Option<String>,

    /// Only what was decided on this plane
    #[arg(long, value_enum)]
    plane: Option<PlaneName>,

    /// Only requests of this user
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// Only requests to this resource, as `configmaps` or `deployments.apps`
    #[arg(long, value_name = "RESOURCE")]
    resource: Option<String>,

    /// Only requests in this namespace
    #[arg(long, short, value_name = "NAME")]
    namespace: Option<String>,

    /// Only what was not authenticated, denied, rejected, or failed
    #[arg(long)]
    refused: bool,

    /// How many to tell about, of those that fit
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    last: u16,

    /// What to print
    #[arg(long, short, value_enum, default_value = "text")]
    output: Output,

    #[command(flatten)]
    origin: Origin,
}

/// The four questions, and raw reviews.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum PlaneName {
    Authentication,
    Authorization,
    Mutation,
    Validation,
    Raw,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// Sentences and the trace, for people.
    Text,
    /// The decisions as the server keeps them, for programs.
    Json,
}

/// Runs the command.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    logging::init_quietly();
    let (fitting, looked_at) = args
        .origin
        .last(args.last.into(), |record| args.fits(record))?;
    if fitting.is_empty() {
        let failed = Failed::from(anyhow!(
            "none of the {looked_at} decisions that are there fits"
        ));
        return Err(failed.with_hint(
            "a server keeps the last 1000 and forgets them when it ends; `serve --decision-log FILE` keeps all",
        ));
    }
    match args.output {
        Output::Json => {
            serde_json::to_writer_pretty(&mut *out, &fitting)?;
            writeln!(out)?;
        }
        Output::Text => {
            let paint = Paint::of(&io::stdout());
            for (index, record) in fitting.iter().enumerate() {
                if index > 0 {
                    writeln!(out)?;
                }
                write(out, paint, record)?;
            }
        }
    }
    Ok(Exit::Yes)
}

impl Args {
    fn fits(&self, record: &Record) -> bool {
        let subject = &record.subject;
        let fits = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        let is_meant = self.uid.as_deref().is_none_or(|uid| {
            record.uid.as_deref() == Some(uid) || uid.parse() == Ok(record.sequence)
        });
        is_meant
            && self
                .plane
                .is_none_or(|plane| plane.as_str() == record.plane)
            && fits(&self.user, &subject.user)
            && fits(&self.resource, &subject.resource)
            && fits(&self.namespace, &subject.namespace)
            && (!self.refused || record.verdict.is_refusal())
    }
}

impl PlaneName {
    /// As in a record.
    fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => Plane::Authentication.as_str(),
            Self::Authorization => Plane::Authorization.as_str(),
            Self::Mutation => Plane::Mutation.as_str(),
            Self::Validation => Plane::Validation.as_str(),
            Self::Raw => "raw",
        }
    }
}

fn write(out: &mut dyn Write, paint: Paint, record: &Record) -> Result<(), Failed> {
    // A file can say anything.
    let fit = |text: &str| text::line(text, usize::MAX);
    let verdict = trace::painted(record.verdict, paint);
    writeln!(
        out,
        "{} {}: {verdict}",
        fit(&record.time),
        fit(&record.plane)
    )?;
    writeln!(out, "  {}", fit(&sentence(record)))?;
    if !record.message.is_empty() {
        writeln!(out, "  message: {}", fit(&record.message))?;
    }
    trace::write(out, &record.steps)?;
    let elapsed = trace::told(Duration::from_micros(record.duration_micros));
    let uid = record.uid.as_deref().unwrap_or_default();
    let uid = if uid.is_empty() {
        String::new()
    } else {
        format!(", uid {}", fit(uid))
    };
    writeln!(
        out,
        "  decision {} in {elapsed}, by generation {} of the policies{uid}",
        record.sequence, record.generation
    )?;
    Ok(())
}

/// What was decided, in words for whoever runs the cluster.
fn sentence(record: &Record) -> String {
    let subject = &record.subject;
    let (user, what) = (&subject.user, what(subject));
    match (record.plane.as_str(), record.verdict) {
        ("raw", _) => {
            let policy = record.policy.as_deref().unwrap_or_default();
            format!("`{policy}` was asked about a document of somebody's own")
        }
        (_, Verdict::Authenticated) => format!("the token belongs to {user}"),
        (_, Verdict::Unauthenticated) => "no policy knows the token".to_owned(),
        (_, Verdict::Allowed) => format!("{user} may {what}"),
        (_, Verdict::Denied) => format!("{user} may not {what}"),
        (_, Verdict::NoOpinion) => {
            format!(
                "no policy says whether {user} may {what}; the API server asks its other authorizers"
            )
        }
        (_, Verdict::Accepted) => format!("{user} wants to {what}, and no policy objects"),
        (_, Verdict::Patched) => format!("{user} wants to {what}, and the object was changed"),
        (_, Verdict::Rejected) => format!("{user} wants to {what}, and may not"),
        ("authentication", Verdict::Failed) => {
            "no policy knows the token, and one that might failed".to_owned()
        }
        (_, Verdict::Failed) => {
            format!("{user} wants to {what}, and a policy failed that is needed to decide")
        }
    }
}

/// What somebody wants to do.
pub(crate) fn what(subject: &Subject) -> String {
    let mut what = format!("{} {}", subject.verb, subject.resource);
    if !subject.name.is_empty() {
        what.push_str(&format!(" `{}`", subject.name));
    }
    if !subject.namespace.is_empty() {
        what.push_str(&format!(" in namespace `{}`", subject.namespace));
    }
    if subject.dry_run {
        what.push_str(" (dry run)");
    }
    what
}
