//! The soak of one door, from its first program to its last.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use conformance::directory::Directory;
use conformance::objects::{Resource, role_binding};
use conformance::{Caller, Door, Programs, Running};

use crate::arguments::{Arguments, door_name};
use crate::crash::{Killer, Outage};
use crate::disturber::{Disturber, Place};
use crate::load::Load;
use crate::memory::Memory;
use crate::mount::Mount;
use crate::policies;
use crate::questions::{self, Askers, KINDS, Kind};
use crate::random::Random;
use crate::report::Report;
use crate::reported::{Reported, Reporter};
use crate::season::{Edition, Season};
use crate::tally::Tally;

const NAMESPACE: &str = "soak";

/// How often progress is shown.
const PROGRESS: Duration = Duration::from_secs(10);

/// Kinds that are asked less often are not waited for.
const COMMON: u64 = 10;

/// A cluster under load.
struct Soak {
    running: Running,
    mount: Mount,
    askers: Askers,
    reporter: Reporter,
    season: Arc<Season>,
    tally: Arc<Tally>,
}

/// What the changes came to.
struct Disturbed {
    changes: BTreeMap<&'static str, u64>,
    edition: Edition,
    reported: Reported,
    memory: Memory,
    duration: Duration,
    asked: u64,
}

/// Starts a cluster, loads it, disturbs it and kills it.
///
/// # Errors
/// A program does not start or end, or a change has no effect; with the ends of the logs.
pub async fn at(door: Door, arguments: &Arguments, programs: &Programs) -> Result<Report> {
    println!(
        "{}: {} callers, {:.0} s of changes, {} kills, seed {}",
        door_name(door),
        arguments.callers,
        arguments.duration.as_secs_f64(),
        arguments.kills,
        arguments.seed
    );
    let mut soak = start(door, arguments, programs).await?;
    let report = soak.run(door, arguments).await;
    let report = report.with_context(|| soak.running.logs())?;
    let sum = report.tally.sum();
    if sum.wrong + sum.lost > 0 {
        println!("\n{}", soak.running.logs());
    }
    soak.running.stop().await?;
    Ok(report)
}

async fn start(door: Door, arguments: &Arguments, programs: &Programs) -> Result<Soak> {
    let directory = match &arguments.directory {
        Some(path) => Directory::lasting(&path.join(door_name(door)))?,
        None => Directory::temporary()?,
    };
    Mount::prepare(&directory)?;
    let wiring = policies::wiring(door, Edition::A);
    let running = Running::start(programs, directory, &wiring).await?;
    let mount = Mount::open(&running.directory, &wiring, programs)?;
    let (askers, reporter) = clients(&running, door).await?;
    Ok(Soak {
        running,
        mount,
        askers,
        reporter,
        season: Arc::new(Season::new(Edition::A)),
        tally: Arc::default(),
    })
}

async fn clients(running: &Running, door: Door) -> Result<(Askers, Reporter)> {
    let cluster = running.in_namespace(NAMESPACE);
    let admin = cluster.admin();
    prepare(&admin).await;
    if door == Door::InProcess {
        return Ok((Askers::new(&cluster, None), Reporter::of_planes(admin)));
    }
    let webhook = running.webhook().lock().await;
    let ca = running.directory.path().join("certificates/ca.crt");
    let door = questions::door(&webhook.url(), &std::fs::read_to_string(ca)?)?;
    let operator = webhook.admin()?.client()?;
    let operator = Caller::new("the operator".to_owned(), operator, String::new());
    Ok((
        Askers::new(&cluster, Some(door)),
        Reporter::of_server(operator),
    ))
}

/// The namespace, and what RBAC allows in it.
async fn prepare(admin: &Caller) {
    admin
        .accepts(Resource::named("namespaces").object(NAMESPACE))
        .await;
    // What "view" allows is put together by a controller, which does not run here.
    let binding = role_binding("readers", &["reader", "banned"], "cluster-admin");
    admin.accepts(binding).await;
}

impl Soak {
    async fn run(&mut self, door: Door, arguments: &Arguments) -> Result<Report> {
        let load = Load::start(
            &self.askers,
            &self.season,
            &self.tally,
            arguments.callers,
            arguments.seed,
        );
        let disturbed = self.disturb(door, arguments).await?;
        let outages = self.kill(disturbed.edition, arguments).await?;
        load.stop().await;
        Ok(Report {
            door,
            kinds: self.askers.kinds(),
            tally: Arc::clone(&self.tally),
            duration: disturbed.duration,
            asked: disturbed.asked,
            changes: disturbed.changes,
            loaded: disturbed.reported.loaded(),
            refused: disturbed.reported.refused(),
            memory: disturbed.memory,
            outages,
        })
    }

    async fn disturb(&mut self, door: Door, arguments: &Arguments) -> Result<Disturbed> {
        let begin = Instant::now();
        let mut memory = Memory::default();
        let place = Place {
            running: &self.running,
            door,
            mount: &mut self.mount,
            season: &self.season,
            reporter: &self.reporter,
        };
        let mut disturber = Disturber::new(place, Random::new(arguments.seed, 0));
        let mut left = arguments.duration;
        while !left.is_zero() {
            let disturbance = disturber.disturb(left.min(PROGRESS));
            tokio::select! {
                done = disturbance => done?,
                ended = memory.watch(&self.running) => ended?,
            }
            left = arguments.duration.saturating_sub(begin.elapsed());
            progress(begin.elapsed(), &self.tally, &memory);
        }
        let (edition, changes) = disturber.done();
        Ok(Disturbed {
            changes,
            edition,
            reported: self.reporter.read().await?,
            memory,
            duration: begin.elapsed(),
            asked: self.tally.sum().asked(),
        })
    }

    async fn kill(&mut self, edition: Edition, arguments: &Arguments) -> Result<Vec<Outage>> {
        let mut killer = Killer {
            running: &mut self.running,
            mount: &mut self.mount,
            season: &self.season,
            tally: &self.tally,
            kinds: common(&self.askers.kinds()),
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
    let often = KINDS.iter().filter(|(_, weight, _)| *weight >= COMMON);
    let often = often.map(|(kind, _, _)| *kind);
    often.filter(|kind| kinds.contains(kind)).collect()
}

fn progress(elapsed: Duration, tally: &Tally, memory: &Memory) {
    let sum = tally.sum();
    println!(
        "  {:4.0} s  {:8} requests, {} wrong, {} lost, {:.0} MiB",
        elapsed.as_secs_f64(),
        sum.asked(),
        sum.wrong,
        sum.lost,
        memory.last()
    );
}
