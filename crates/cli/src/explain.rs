//! `k8s-wasm explain`: the reasons of recent decisions.

use std::io::{self, Write};
use std::time::Duration;

use access::{Plane, text};
use anyhow::anyhow;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use host::{Subject, Verdict};
use observe::{Origin, Record};

use crate::logging;
use crate::outcome::{CommandError, Exit, Outcome};
use crate::records::SourceArgs;
use crate::terminal::{Styles, format_duration};
use crate::trace;

/// Explain recent decisions
///
/// Shows decisions with the verdict of each policy, oldest first. A running server keeps its last
/// 1000 decisions.
///
/// For policies inside kube-apiserver, pipe `kubectl get --raw
/// /debug/k8s-wasm/authorization/decisions` into `k8s-wasm explain -f -`. The paths for
/// authentication and admission are alike.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  # Show why the last request of jane was refused
  k8s-wasm explain --refused --user jane --limit 1

  # Show the decisions on an admission request by its UID, as found in logs and audit events
  k8s-wasm explain 705ab4f5-6393-11e8-b7cc-42010a800002")]
pub(crate) struct Args {
    /// UID of a review, or sequence number of a decision
    uid: Option<String>,

    /// Show only decisions of this plane
    #[arg(long, value_parser = origins())]
    plane: Option<Origin>,

    /// Show only requests of this user
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// Show only requests for this resource, such as `configmaps` or `deployments.apps`
    #[arg(long, value_name = "RESOURCE")]
    resource: Option<String>,

    /// Show only requests in this namespace
    #[arg(long, short, value_name = "NAME")]
    namespace: Option<String>,

    /// Show only requests that were not authenticated, denied, rejected, or failed
    #[arg(long)]
    refused: bool,

    /// Maximum number of decisions to show
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    limit: u16,

    /// Output format
    #[arg(long, short, value_enum, default_value = "text")]
    output: Output,

    #[command(flatten)]
    source: SourceArgs,
}

/// The output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// Sentences and the trace
    Text,
    /// The records of the decisions, as JSON
    Json,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    logging::init_for_warnings();
    let found = args
        .source
        .find_last(args.limit.into(), |record| args.matches(record))?;
    if found.records.is_empty() {
        let error = anyhow!(
            "no matching decision among the {} available",
            found.examined
        );
        return Err(CommandError::from(error).with_hint(
            "a server keeps its last 1000 decisions until it stops; `serve --decision-log FILE` keeps all",
        ));
    }
    match args.output {
        Output::Json => {
            serde_json::to_writer_pretty(&mut *out, &found.records)?;
            writeln!(out)?;
        }
        Output::Text => {
            let styles = Styles::for_stream(&io::stdout());
            for (index, record) in found.records.iter().enumerate() {
                if index > 0 {
                    writeln!(out)?;
                }
                write(out, styles, record)?;
            }
        }
    }
    Ok(Exit::Success)
}

impl Args {
    fn matches(&self, record: &Record) -> bool {
        let subject = &record.subject;
        let equals = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        let has_id = self.uid.as_deref().is_none_or(|uid| {
            record.uid.as_deref() == Some(uid) || uid.parse() == Ok(record.sequence)
        });
        has_id
            && self.plane.is_none_or(|plane| plane == record.plane)
            && equals(&self.user, &subject.user)
            && equals(&self.resource, &subject.resource)
            && equals(&self.namespace, &subject.namespace)
            && (!self.refused || record.verdict.is_refusal())
    }
}

/// Parses a plane, or `raw` for documents that are not reviews.
fn origins() -> impl TypedValueParser<Value = Origin> {
    PossibleValuesParser::new(Origin::ALL.map(Origin::as_str))
        .try_map(|name| name.parse::<Origin>())
}

fn write(out: &mut dyn Write, styles: Styles, record: &Record) -> Result<(), CommandError> {
    // A decision log is untrusted: it may contain escape sequences for the terminal.
    let safe = |text: &str| text::line(text, usize::MAX);
    let verdict = trace::styled_verdict(record.verdict, styles);
    let (time, plane) = (record.time, record.plane);
    writeln!(out, "{time:.6} {plane}: {verdict}")?;
    writeln!(out, "  {}", safe(&summarize(record)))?;
    if !record.message.is_empty() {
        writeln!(out, "  message: {}", safe(&record.message))?;
    }
    trace::write(out, &record.steps)?;
    let duration = format_duration(Duration::from_micros(record.duration_micros));
    writeln!(out, "  duration: {duration}")?;
    let (sequence, generation) = (record.sequence, record.generation);
    writeln!(out, "  sequence number: {sequence}")?;
    writeln!(out, "  generation: {generation}")?;
    let uid = record.uid.as_deref().unwrap_or_default();
    if !uid.is_empty() {
        writeln!(out, "  uid: {}", safe(uid))?;
    }
    Ok(())
}

/// Returns the decision as a sentence for a cluster operator.
fn summarize(record: &Record) -> String {
    let user = &record.subject.user;
    let action = describe_action(&record.subject);
    match (record.plane, record.verdict) {
        (Origin::Raw, _) => {
            let policy = record.policy.as_deref().unwrap_or_default();
            format!("policy `{policy}` evaluated a document that is not a review")
        }
        (_, Verdict::Authenticated) => format!("the token belongs to {user}"),
        (_, Verdict::Unauthenticated) => "the token is unknown to all policies".to_owned(),
        (Origin::Chain(Plane::Authentication), Verdict::Failed) => {
            "a policy failed, and the token is unknown to the others".to_owned()
        }
        (_, Verdict::Allowed | Verdict::Accepted) => format!("{user} may {action}"),
        (_, Verdict::Patched) => format!("{user} may {action}; the object was patched"),
        (_, Verdict::Denied | Verdict::Rejected) => format!("{user} may not {action}"),
        (_, Verdict::NoOpinion) => {
            format!(
                "no policy decided whether {user} may {action}; kube-apiserver consults its other authorizers"
            )
        }
        (_, Verdict::Failed) => {
            format!("no decision whether {user} may {action}, because a policy failed")
        }
    }
}

/// Returns the action of a request, such as ``create secrets `s` in namespace `default` ``.
pub(crate) fn describe_action(subject: &Subject) -> String {
    let mut action = format!("{} {}", subject.verb, subject.resource);
    if !subject.name.is_empty() {
        action.push_str(&format!(" `{}`", subject.name));
    }
    if !subject.namespace.is_empty() {
        action.push_str(&format!(" in namespace `{}`", subject.namespace));
    }
    if subject.dry_run {
        action.push_str(" (dry run)");
    }
    action
}
