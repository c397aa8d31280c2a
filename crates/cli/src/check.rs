//! `k8s-wasm check`: loads a configuration as the server would, and tells everything that is wrong with it.

use std::collections::HashMap;
use std::io::{self, Write};
use std::time::Instant;

use host::config::{Guarded, Section};
use host::{Configuration, Host, PolicyInfo};
use preflight::Passed;

use crate::advice;
use crate::configuration::{ConfigurationArgs, EngineArgs};
use crate::exit::Exit;
use crate::logging;
use crate::paint::Paint;
use crate::report::Outcome;
use crate::table::Table;

/// Load a configuration and tell what is wrong with it
///
/// Reads the configuration, loads and compiles every module as `serve` would, and lists the policies. All errors are
/// told at once, each with file, line and field. Warnings are about what is allowed and hardly meant.
///
/// Then the lock-out guard asks the policies what a cluster asks in order to live, as before they serve: policies that
/// refuse it are an error, unless the configuration exempts what they refuse.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Example, before a configuration goes to a control plane:
  k8s-wasm check --config policies.yaml && scp policies.yaml control-plane:/etc/kubernetes/k8s-wasm/")]
pub(crate) struct Args {
    #[command(flatten)]
    configuration: ConfigurationArgs,

    #[command(flatten)]
    engine: EngineArgs,
}

/// Runs the command.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    logging::init_quietly();
    let configuration = args.configuration.load()?;
    let start = Instant::now();
    let host = args.engine.load(&configuration)?;
    let elapsed = start.elapsed();
    write_policies(out, &configuration, &host)?;
    let paint = Paint::of(&io::stdout());
    for advice in advice::of(&configuration, &host) {
        writeln!(
            out,
            "{} `{}` {}",
            paint.yellow("warning:"),
            advice.policy,
            advice.text
        )?;
    }
    let passed = preflight::check(&configuration, &host)?;
    let count = host.policies().count();
    let policies = if count == 1 { "policy" } else { "policies" };
    writeln!(
        out,
        "{} {count} {policies}, loaded in {} ms",
        paint.green("ok:"),
        elapsed.as_millis()
    )?;
    write_guard(out, paint, &configuration, passed)?;
    Ok(Exit::Yes)
}

/// What the lock-out guard has found, and what it has not asked.
fn write_guard(
    out: &mut dyn Write,
    paint: Paint,
    configuration: &Configuration,
    passed: Passed,
) -> io::Result<()> {
    let exempt = &configuration.exemptions;
    if exempt.covers_everything() {
        let warning = paint.yellow("warning:");
        return writeln!(
            out,
            "{warning} the lock-out guard asks nothing: everything is exempt"
        );
    }
    let (ok, reviews) = (paint.green("ok:"), passed.probes);
    writeln!(
        out,
        "{ok} none of {reviews} reviews that a cluster needs is refused"
    )?;
    if passed.skipped > 0 {
        let (warning, reviews) = (paint.yellow("warning:"), passed.skipped);
        writeln!(
            out,
            "{warning} there was no time to ask about {reviews} more: the policies are slow"
        )?;
    }
    let exempt: Vec<&str> = exempt.iter().collect();
    if !exempt.is_empty() {
        writeln!(out, "  exempt: {}", exempt.join(", "))?;
    }
    for entry in &configuration.admission {
        let why = match entry.guarded {
            Guarded::Yes => continue,
            Guarded::MayCallHost => "it may call its host",
            Guarded::RulesElsewhere => "its rules are in webhook configurations",
        };
        writeln!(
            out,
            "  `{}` was not asked, because {why}",
            entry.policy.name
        )?;
    }
    Ok(())
}

fn write_policies(
    out: &mut dyn Write,
    configuration: &Configuration,
    host: &Host,
) -> io::Result<()> {
    let files = module_files(configuration);
    let mut table = Table::with_header(&["plane", "policy", "entry point", "digest", "module"]);
    for policy in host.policies() {
        let file = files.get(&key(&policy)).cloned().unwrap_or_default();
        table.row([
            policy.plane.to_string(),
            policy.name.to_string(),
            policy.entry_point.to_owned(),
            policy.digest.as_ref().map(short).unwrap_or_default(),
            file,
        ]);
    }
    table.write(out, "")
}

/// The file of each policy's module, by what tells policies apart: names are unique within a section only.
fn module_files(configuration: &Configuration) -> HashMap<(Section, String), String> {
    configuration
        .modules()
        .map(|(section, name, path)| ((section, name.to_string()), path.display().to_string()))
        .collect()
}

fn key(policy: &PolicyInfo) -> (Section, String) {
    (Section::from(policy.plane), policy.name.to_string())
}

/// As much of a digest as tells modules apart, as container tools show it.
fn short(digest: &engine::Digest) -> String {
    digest.hex().chars().take(12).collect()
}
