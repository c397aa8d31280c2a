//! kill -9 of the program that decides, and its return: meanwhile nothing is granted, afterwards every answer is right.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use conformance::Running;

use crate::mount::Mount;
use crate::questions::Kind;
use crate::random::Random;
use crate::season::{Edition, Season};
use crate::tally::Tally;

/// For how long nobody decides at least: each kind of request has to come by.
const AWAY: Duration = Duration::from_millis(1500);

/// For how long answers are watched after it.
const CALM: Duration = Duration::from_secs(3);

/// How long it may take until every kind is answered right again.
const PATIENCE: Duration = Duration::from_secs(60);

/// When it is killed.
#[derive(Debug, Clone, Copy)]
enum When {
    AnyTime,
    CodeIsWritten,
    ItStarts,
}

const WHEN: [(When, &str); 3] = [
    (When::AnyTime, "under load"),
    (When::CodeIsWritten, "while compiled code is written"),
    (When::ItStarts, "twice, once while it starts"),
];

/// What a kill came to.
#[derive(Debug)]
pub struct Outage {
    /// When it happened.
    pub when: &'static str,
    /// How many requests were refused, or not answered.
    pub failed_closed: u64,
    /// From the start of the program until it was ready.
    pub ready: Duration,
    /// From then until every kind of request was answered right.
    pub right_again: Duration,
    /// Files in the code cache that were cut off by the kill.
    pub leftovers: usize,
}

/// Whoever kills.
pub struct Killer<'a> {
    /// What is killed.
    pub running: &'a mut Running,
    /// Where the modules are.
    pub mount: &'a mut Mount,
    /// Who tells the callers what to expect.
    pub season: &'a Season,
    /// What the callers are answered.
    pub tally: &'a Tally,
    /// The kinds of which each has to be answered again.
    pub kinds: Vec<Kind>,
    /// When exactly.
    pub random: Random,
    /// What is in place.
    pub edition: Edition,
}

impl Killer<'_> {
    /// Kills once and waits until all is well again; `turn` says in which of the ways.
    ///
    /// # Errors
    /// It does not come back, or does not answer right again.
    pub async fn kill(&mut self, turn: u64) -> Result<Outage> {
        let (when, name) = WHEN[usize::try_from(turn)? % WHEN.len()];
        let before = self.tally.sum().failed_closed;
        let cache = self.running.directory.path().join("code");
        self.strike(when, &cache).await?;
        tokio::time::sleep(AWAY).await;
        let leftovers = entries(&cache)?
            .iter()
            .filter(|file| is_leftover(file))
            .count();

        let starting = Instant::now();
        self.running.start_again().await?;
        let (ready, started) = (starting.elapsed(), Instant::now());
        self.until_each_is_right().await?;
        let right_again = started.elapsed();
        self.season.settle(self.edition);
        tokio::time::sleep(CALM).await;
        Ok(Outage {
            when: name,
            failed_closed: self.tally.sum().failed_closed - before,
            ready,
            right_again,
            leftovers,
        })
    }

    async fn strike(&mut self, when: When, cache: &Path) -> Result<()> {
        match when {
            When::AnyTime => {
                let wait = Duration::from_millis(self.random.below(1000));
                tokio::time::sleep(wait).await;
                self.strike_now().await
            }
            When::CodeIsWritten => {
                let before = entries(cache)?;
                // From here on, for afterwards there is no time to lose.
                self.season.go_down();
                for name in self.mount.names() {
                    self.mount.mark_module(&name)?;
                }
                tokio::task::block_in_place(|| until_written(cache, &before))?;
                self.running.kill().await?;
                damage(&before)
            }
            When::ItStarts => {
                self.strike_now().await?;
                let wait = Duration::from_millis(20 + self.random.below(200));
                // Who stops waiting for the start kills what was started.
                let started = tokio::time::timeout(wait, self.running.start_again()).await;
                if let Ok(started) = started {
                    started?;
                    self.running.kill().await?;
                }
                Ok(())
            }
        }
    }

    async fn strike_now(&mut self) -> Result<()> {
        self.season.go_down();
        self.running.kill().await
    }

    async fn until_each_is_right(&self) -> Result<()> {
        let counts = || self.kinds.iter().map(|kind| self.tally.right(*kind));
        let before: Vec<u64> = counts().collect();
        let deadline = Instant::now() + PATIENCE;
        while counts().zip(&before).any(|(now, before)| now == *before) {
            ensure!(
                Instant::now() < deadline,
                "not every kind of request is answered right again after {PATIENCE:?}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

/// Looks without a pause, as a write takes less than a millisecond; one that is missed does not matter as long as another
/// one may follow.
fn until_written(cache: &Path, before: &[PathBuf]) -> Result<()> {
    const MISSED_MAX: usize = 8;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut new = entries(cache)?;
        new.retain(|file| !before.contains(file));
        if new.len() >= MISSED_MAX || new.iter().any(|file| is_leftover(file)) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "no compiled code is written");
    }
}

/// What a power failure leaves: one file cut in half, and one with another byte.
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

/// Written under another name until it is whole.
fn is_leftover(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with('.'))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).context("there is no code cache")?;
    let paths = entries.map(|entry| Ok(entry?.path()));
    paths.collect()
}
