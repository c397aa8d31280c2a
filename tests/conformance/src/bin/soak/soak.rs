//! The test of one front end, from the first program to the last.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use conformance::directory::Directory;
use conformance::objects::{Resource, role_binding};
use conformance::{Caller, Cluster, FrontEnd, Programs, Running};

use crate::arguments::{Arguments, front_end_name};
use crate::changes::{Changer, Target};
use crate::expectation::{Edition, Timeline};
use crate::load::Load;
use crate::memory::Memory;
use crate::mount::Mount;
use crate::outage::{Killer, Outage};
use crate::policies;
use crate::random::Random;
use crate::report::Report;
use crate::requests::{self, Clients, KINDS, Kind};
use crate::status::{Status, StatusReader};
use crate::tally::Tally;

const NAMESPACE: &str = "soak";

/// The interval at which progress is printed.
const PROGRESS: Duration = Duration::from_secs(10);

/// The minimum weight of the kinds that must have a right response after an outage.
const MIN_WEIGHT: u64 = 10;

/// A cluster under load.
struct Soak {
    running: Running,
    mount: Mount,
    clients: Clients,
    status: StatusReader,
    timeline: Arc<Timeline>,
    tally: Arc<Tally>,
}

/// The result of the changes.
struct Changed {
    changes: BTreeMap<&'static str, u64>,
    edition: Edition,
    status: Status,
    memory: Memory,
    duration: Duration,
    requests: u64,
}

/// Starts a cluster, puts it under load, and makes changes and outages.
///
/// # Errors
/// If a program does not start or end, or a change has no effect; with the ends of the logs.
pub async fn run(
    front_end: FrontEnd,
    arguments: &Arguments,
    programs: &Programs,
) -> Result<Report> {
    println!(
        "{}: {} callers, {:.0} s of changes, {} kills, seed {}",
        front_end_name(front_end),
        arguments.callers,
        arguments.duration.as_secs_f64(),
        arguments.kills,
        arguments.seed
    );
    let mut soak = start(front_end, arguments, programs).await?;
    let report = soak.run(front_end, arguments).await;
    let report = report.with_context(|| soak.running.logs())?;
    let sum = report.tally.sum();
    if sum.wrong + sum.lost > 0 {
        println!("\n{}", soak.running.logs());
    }
    soak.running.stop().await?;
    Ok(report)
}

async fn start(front_end: FrontEnd, arguments: &Arguments, programs: &Programs) -> Result<Soak> {
    let directory = match &arguments.directory {
        Some(path) => Directory::permanent(&path.join(front_end_name(front_end)))?,
        None => Directory::temporary()?,
    };
    Mount::prepare(&directory)?;
    let wiring = policies::wiring(front_end, Edition::A);
    let running = Running::start(programs, directory, &wiring).await?;
    let mount = Mount::open(&running.directory, &wiring, programs)?;
    let (clients, status) = clients(&running, front_end).await?;
    Ok(Soak {
        running,
        mount,
        clients,
        status,
        timeline: Arc::new(Timeline::new(Edition::A)),
        tally: Arc::default(),
    })
}

async fn clients(running: &Running, front_end: FrontEnd) -> Result<(Clients, StatusReader)> {
    let cluster = Cluster::new(running, NAMESPACE);
    let admin = cluster.admin();
    prepare(&admin).await;
    if front_end == FrontEnd::InProcess {
        return Ok((
            Clients::new(&cluster, None),
            StatusReader::from_planes(admin),
        ));
    }
    let webhook = running.webhook().lock().await;
    let ca = running.directory.path().join("certificates/ca.crt");
    let endpoint = requests::webhooks(&webhook.url(), &std::fs::read_to_string(ca)?)?;
    let operator = webhook.admin()?.client()?;
    let operator = Caller::new("the operator".to_owned(), operator, String::new());
    Ok((
        Clients::new(&cluster, Some(endpoint)),
        StatusReader::from_server(operator),
    ))
}

/// Creates the namespace and its role binding.
async fn prepare(admin: &Caller) {
    admin
        .accepts(Resource::named("namespaces").object(NAMESPACE))
        .await;
    // The role "view" is aggregated by a controller, which is not running.
    let binding = role_binding("readers", &["reader", "banned"], "cluster-admin");
    admin.accepts(binding).await;
}

impl Soak {
    async fn run(&mut self, front_end: FrontEnd, arguments: &Arguments) -> Result<Report> {
        let load = Load::start(
            &self.clients,
            &self.timeline,
            &self.tally,
            arguments.callers,
            arguments.seed,
        );
        let changed = self.change(front_end, arguments).await?;
        let outages = self.kill(changed.edition, arguments).await?;
        load.stop().await;
        Ok(Report {
            front_end,
            kinds: self.clients.kinds(),
            tally: Arc::clone(&self.tally),
            duration: changed.duration,
            requests: changed.requests,
            changes: changed.changes,
            loaded: changed.status.loaded(),
            failed: changed.status.failed(),
            memory: changed.memory,
            outages,
        })
    }

    async fn change(&mut self, front_end: FrontEnd, arguments: &Arguments) -> Result<Changed> {
        let start = Instant::now();
        let mut memory = Memory::default();
        let target = Target {
            running: &self.running,
            front_end,
            mount: &mut self.mount,
            timeline: &self.timeline,
            status: &self.status,
        };
        let mut changer = Changer::new(target, Random::new(arguments.seed, 0));
        let mut remaining = arguments.duration;
        while !remaining.is_zero() {
            let changes = changer.run(remaining.min(PROGRESS));
            tokio::select! {
                done = changes => done?,
                ended = memory.watch(&self.running) => ended?,
            }
            remaining = arguments.duration.saturating_sub(start.elapsed());
            progress(start.elapsed(), &self.tally, &memory);
        }
        let (edition, changes) = changer.finish();
        Ok(Changed {
            changes,
            edition,
            status: self.status.read().await?,
            memory,
            duration: start.elapsed(),
            requests: self.tally.sum().total(),
        })
    }

    async fn kill(&mut self, edition: Edition, arguments: &Arguments) -> Result<Vec<Outage>> {
        let mut killer = Killer {
            running: &mut self.running,
            mount: &mut self.mount,
            timeline: &self.timeline,
            tally: &self.tally,
            kinds: common(&self.clients.kinds()),
            random: Random::new(arguments.seed, u64::MAX),
            edition,
        };
        let mut outages = Vec::new();
        for turn in 0..arguments.kills {
            let outage = killer.kill(turn).await?;
            println!("  killed {outage}");
            outages.push(outage);
        }
        Ok(outages)
    }
}

fn common(kinds: &[Kind]) -> Vec<Kind> {
    let common = KINDS.iter().filter(|(_, weight, _)| *weight >= MIN_WEIGHT);
    let common = common.map(|(kind, _, _)| *kind);
    common.filter(|kind| kinds.contains(kind)).collect()
}

fn progress(elapsed: Duration, tally: &Tally, memory: &Memory) {
    let sum = tally.sum();
    println!(
        "  {:4.0} s  {:8} requests, {} wrong, {} lost, {:.0} MiB",
        elapsed.as_secs_f64(),
        sum.total(),
        sum.wrong,
        sum.lost,
        memory.last()
    );
}
