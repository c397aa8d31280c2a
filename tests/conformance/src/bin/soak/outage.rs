//! SIGKILL of the program that runs the policies, and its restart: during the outage nothing is
//! allowed, afterwards every response is right.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use conformance::Running;

use crate::expectation::{Edition, Timeline};
use crate::mount::Mount;
use crate::random::Random;
use crate::requests::Kind;
use crate::tally::Tally;

/// The minimum duration of an outage, so that it affects each kind of request.
const OUTAGE: Duration = Duration::from_millis(1500);

/// The time for which responses are checked after an outage.
const RECOVERY: Duration = Duration::from_secs(3);

/// The time until every kind of request must have a right response again.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The moment of a kill.
#[derive(Debug, Clone, Copy)]
enum Moment {
    UnderLoad,
    DuringCodeCacheWrite,
    DuringStart,
}

const MOMENTS: [(Moment, &str); 3] = [
    (Moment::UnderLoad, "under load"),
    (
        Moment::DuringCodeCacheWrite,
        "while compiled code is written",
    ),
    (Moment::DuringStart, "twice, once during the start"),
];

/// The outage after a kill.
#[derive(Debug)]
pub struct Outage {
    /// The moment of the kill.
    pub moment: &'static str,
    /// The number of requests that were refused or had no response.
    pub refused: u64,
    /// The time from the start of the program until it was ready.
    pub ready: Duration,
    /// The time from then until every kind of request had a right response.
    pub right_again: Duration,
    /// The number of incomplete files in the code cache.
    pub leftovers: usize,
}

/// Kills and restarts the program that runs the policies.
pub struct Killer<'a> {
    /// The programs.
    pub running: &'a mut Running,
    /// The modules.
    pub mount: &'a mut Mount,
    /// The expected responses.
    pub timeline: &'a Timeline,
    /// The counted responses.
    pub tally: &'a Tally,
    /// The kinds of requests that must have a right response again.
    pub kinds: Vec<Kind>,
    /// The source of random delays.
    pub random: Random,
    /// The edition in effect.
    pub edition: Edition,
}

impl Killer<'_> {
    /// Kills the program, restarts it, and waits until all responses are right again. `turn`
    /// selects the moment.
    ///
    /// # Errors
    /// If it does not restart, or does not respond right again.
    pub async fn kill(&mut self, turn: u64) -> Result<Outage> {
        let (moment, name) = MOMENTS[usize::try_from(turn)? % MOMENTS.len()];
        let before = self.tally.sum().refused;
        let cache = self.running.directory.path().join("code");
        self.kill_at(moment, &cache).await?;
        tokio::time::sleep(OUTAGE).await;
        let leftovers = entries(&cache)?
            .iter()
            .filter(|file| is_leftover(file))
            .count();

        let starting = Instant::now();
        self.running.restart().await?;
        let (ready, started) = (starting.elapsed(), Instant::now());
        self.until_each_is_right().await?;
        let right_again = started.elapsed();
        self.timeline.settle(self.edition);
        tokio::time::sleep(RECOVERY).await;
        Ok(Outage {
            moment: name,
            refused: self.tally.sum().refused - before,
            ready,
            right_again,
            leftovers,
        })
    }

    async fn kill_at(&mut self, moment: Moment, cache: &Path) -> Result<()> {
        match moment {
            Moment::UnderLoad => {
                let wait = Duration::from_millis(self.random.below(1000));
                tokio::time::sleep(wait).await;
                self.kill_now().await
            }
            Moment::DuringCodeCacheWrite => {
                let before = entries(cache)?;
                // Announced now, because the kill must follow the write at once.
                self.timeline.begin_outage();
                for name in self.mount.names() {
                    self.mount.mark_module(&name)?;
                }
                tokio::task::block_in_place(|| until_written(cache, &before))?;
                self.running.kill().await?;
                damage(&before)
            }
            Moment::DuringStart => {
                self.kill_now().await?;
                let wait = Duration::from_millis(20 + self.random.below(200));
                // The timeout drops the future, which kills the starting program.
                let started = tokio::time::timeout(wait, self.running.restart()).await;
                if let Ok(started) = started {
                    started?;
                    self.running.kill().await?;
                }
                Ok(())
            }
        }
    }

    async fn kill_now(&mut self) -> Result<()> {
        self.timeline.begin_outage();
        self.running.kill().await
    }

    async fn until_each_is_right(&self) -> Result<()> {
        let counts = || self.kinds.iter().map(|kind| self.tally.right(*kind));
        let before: Vec<u64> = counts().collect();
        let deadline = Instant::now() + TIMEOUT;
        while counts().zip(&before).any(|(now, before)| now == *before) {
            ensure!(
                Instant::now() < deadline,
                "not every kind of request has a right response within {TIMEOUT:?}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

/// Waits for a write to the code cache. It polls without a pause, because a write takes less than a
/// millisecond. It may miss some, as long as others follow.
fn until_written(cache: &Path, before: &[PathBuf]) -> Result<()> {
    const MAX_MISSED: usize = 8;
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let mut new = entries(cache)?;
        new.retain(|file| !before.contains(file));
        if new.len() >= MAX_MISSED || new.iter().any(|file| is_leftover(file)) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the code cache is not written");
    }
}

/// Damages files like a power failure: truncates one, and changes a byte of another.
fn damage(files: &[PathBuf]) -> Result<()> {
    let [first, second, ..] = files else {
        return Ok(());
    };
    let mut content = fs::read(first)?;
    content.truncate(content.len() / 2);
    fs::write(first, content)?;
    let mut content = fs::read(second)?;
    let middle = content.len() / 2;
    content[middle] ^= 0x40;
    fs::write(second, content)?;
    Ok(())
}

/// Returns whether a file is incomplete: the cache writes to a temporary name first.
fn is_leftover(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with('.'))
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).context("failed to read the code cache")?;
    let paths = entries.map(|entry| Ok(entry?.path()));
    paths.collect()
}
