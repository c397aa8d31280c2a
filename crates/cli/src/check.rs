//! `k8s-wasm check`: validates a configuration as the server would load it.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use access::Plane;
use host::config::{Guarded, Policy};
use host::lockout::{self, Passed};
use host::{Configuration, Host, LiveError, PolicyInfo};

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
    let passed = lockout::check(&configuration, &host).map_err(LiveError::from)?;
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
    let exempt = &configuration.lock_out_exempt;
    if exempt.is_everything() {
        return writeln!(
            out,
            "{warning}warning:{warning:#} lock-out guard disabled: all operations are exempt"
        );
    }
    let probes = passed.reviews;
    writeln!(out, "{ok}ok:{ok:#} lock-out guard: {probes} probes passed")?;
    if passed.not_asked > 0 {
        let skipped = passed.not_asked;
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
        let module = module_file(configuration, &policy).unwrap_or_default();
        let digest = policy.digest.as_ref().map(|digest| digest.hex());
        let short_digest = digest.iter().flat_map(|digest| digest.chars());
        table.row([
            policy.plane.to_string(),
            policy.name.to_string(),
            policy.entry_point.to_owned(),
            short_digest.take(SHORT_DIGEST).collect(),
            module.display().to_string(),
        ]);
    }
    table.write(out, "")
}

/// Returns the file of a policy's module. Names are unique among the policies of a section only.
fn module_file(configuration: &Configuration, policy: &PolicyInfo) -> Option<PathBuf> {
    let file_of = |entry: &Policy| (entry.name == policy.name).then(|| entry.module.clone());
    let (authentication, authorization, admission) = (
        configuration.authentication.iter(),
        configuration.authorization.iter(),
        configuration.admission.iter(),
    );
    match policy.plane {
        Plane::Authentication => authentication.map(|entry| &entry.policy).find_map(file_of),
        Plane::Authorization => authorization.map(|entry| &entry.policy).find_map(file_of),
        Plane::Mutation | Plane::Validation => {
            admission.map(|entry| &entry.policy).find_map(file_of)
        }
    }
}
