//! The run: all parts, one after the other, with progress on the screen.

mod bench;
mod calls;
mod front_ends;
mod limits;
mod memory;
mod modules;
mod own;
mod plan;
mod progress;

use anyhow::Result;

use self::bench::Bench;
pub use self::plan::Plan;
use self::progress::Progress;
use crate::results::write;
use crate::{machine, report, results};

/// Runs the plan, then writes or prints the results. Each part is written when it is complete,
/// because a run is long.
pub fn run(plan: &Plan) -> Result<()> {
    let mut bench = Bench::new(plan)?;
    let mut progress = Progress::start();
    if plan.only.is_some() {
        return print(&mut bench, &mut progress);
    }
    let output = if plan.quick {
        plan.scratch.clone()
    } else {
        report::committed_folder()
    };
    let folder = report::results(&output);
    let facts = machine::facts();
    write(&folder, &front_ends::read(&plan.front_ends)?)?;
    write(&folder, &calls::measure(&mut bench, &mut progress)?)?;
    let own = own::measure(&bench, &mut progress)?;
    write(&folder, &own.steps)?;
    write(&folder, &own.shares)?;
    write(&folder, &modules::measure(&mut bench, &mut progress)?)?;
    write(&folder, &memory::measure(&mut bench, &mut progress)?)?;
    write(&folder, &limits::measure(&mut bench, &mut progress)?)?;
    write(&folder, &[facts, vec![bench.fact(&progress)]].concat())?;
    progress.end();
    report::write(&output)
}

/// Measures and prints the cells that `--only` selects.
fn print(bench: &mut Bench<'_>, progress: &mut Progress) -> Result<()> {
    let calls = calls::measure(bench, progress)?;
    let own = own::measure(bench, progress)?;
    let modules = modules::measure(bench, progress)?;
    let memory = memory::measure(bench, progress)?;
    let limits = limits::measure(bench, progress)?;
    progress.end();
    report::print(&calls)?;
    results::print(&own.steps)?;
    results::print(&own.shares)?;
    results::print(&modules)?;
    results::print(&memory)?;
    results::print(&limits)
}
