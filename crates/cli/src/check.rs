//! `k8s-wasm check`: validates a configuration as the server would load it.

use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use host::config::{Guarded, Section};
use host::{Configuration, Host, PolicyInfo};
use preflight::Passed;

use crate::configuration::{ConfigurationArgs, EngineArgs};
use crate::logging;
use crate::outcome::{Exit, Outcome};
use crate::terminal::{Styles, Table};
use crate::warnings;

/// Number of hexadecimal digits of a digest in the table, as container tools show them.
const SHORT_DIGEST: usize = 12;

/// Validate a configuration
///
/// Loads the configuration and compiles every module as `serve` would, and lists the policies. All
/// errors are reported at once, with file, line and field. Warnings flag settings that are valid
/// but probably unintended.
///
/// Then runs the lock-out guard, which evaluates the policies on operations that a cluster cannot
/// work without. Policies that block such an operation are an error, unless the configuration
/// exempts it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  # Validate a configuration before copying it to a control plane
  k8s-wasm check --config policies.yaml && scp policies.yaml control-plane:/etc/kubernetes/k8s-wasm/")]
pub(crate) struct Args {
    #[command(flatten)]
    configuration: ConfigurationArgs,

    #[command(flatten)]
    engine: EngineArgs,
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Outcome {
    logging::init_for_warnings();
    let configuration = args.configuration.load()?;
    let start = Instant::now();
    let host = args.engine.load(&configuration)?;
    let elapsed = start.elapsed().as_millis();
    write_policies(out, &configuration, &host)?;
    let styles = Styles::for_stream(&io::stdout());
    let Styles {
        success: ok,
        warning,
        ..
    } = styles;
    for found in warnings::find(&configuration, &host) {
        let (policy, text) = (found.policy, found.text);
        writeln!(out, "{warning}warning:{warning:#} `{policy}` {text}")?;
    }
    let passed = preflight::check(&configuration, &host)?;
    let count = host.policies().count();
    let policies = if count == 1 { "policy" } else { "policies" };
    writeln!(
        out,
        "{ok}ok:{ok:#} loaded {count} {policies} in {elapsed} ms"
    )?;
    write_guard(out, styles, &configuration, passed)?;
    Ok(Exit::Success)
}

/// Writes the result of the lock-out guard: the probes, the exemptions and the policies it left
/// out.
fn write_guard(
    out: &mut dyn Write,
    styles: Styles,
    configuration: &Configuration,
    passed: Passed,
) -> io::Result<()> {
    let Styles {
        success: ok,
        warning,
        ..
    } = styles;
    let exempt = &configuration.exemptions;
    if exempt.covers_everything() {
        return writeln!(
            out,
            "{warning}warning:{warning:#} lock-out guard disabled: all operations are exempt"
        );
    }
    let probes = passed.probes;
    writeln!(out, "{ok}ok:{ok:#} lock-out guard: {probes} probes passed")?;
    if passed.skipped > 0 {
        let skipped = passed.skipped;
        writeln!(
            out,
            "{warning}warning:{warning:#} lock-out guard: {skipped} probes skipped because the policies are too slow"
        )?;
    }
    let exempt: Vec<&str> = exempt.iter().collect();
    if !exempt.is_empty() {
        writeln!(out, "  exempt: {}", exempt.join(", "))?;
    }
    for entry in &configuration.admission {
        let reason = match entry.guarded {
            Guarded::Yes => continue,
            Guarded::MayCallHost => "may make host calls",
            Guarded::RulesElsewhere => "its rules are in webhook configurations",
        };
        writeln!(out, "  not probed: `{}` ({reason})", entry.policy.name)?;
    }
    Ok(())
}

fn write_policies(
    out: &mut dyn Write,
    configuration: &Configuration,
    host: &Host,
) -> io::Result<()> {
    let mut table = Table::with_header(&["plane", "policy", "entry point", "digest", "module"]);
    for policy in host.policies() {
        let module = module_file(configuration, &policy);
        let digest = policy.digest.as_ref().map(|digest| digest.to_hex());
        let short_digest = digest.iter().flat_map(|digest| digest.chars());
        table.row([
            policy.plane.to_string(),
            policy.name.to_string(),
            policy.entry_point.as_str().to_owned(),
            short_digest.take(SHORT_DIGEST).collect(),
            module
                .map(|path| path.display().to_string())
                .unwrap_or_default(),
        ]);
    }
    table.write(out, "")
}

/// Returns the file of a policy's module. Names are unique among the policies of a section only.
fn module_file<'a>(configuration: &'a Configuration, policy: &PolicyInfo) -> Option<&'a Path> {
    let section = Section::from(policy.plane);
    configuration
        .modules()
        .find(|(of, name, _)| *of == section && **name == policy.name)
        .map(|(_, _, path)| path)
}
