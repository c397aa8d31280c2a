//! Changes under load: of configuration, modules and certificates, some of them broken.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use conformance::{FrontEnd, Running};

use crate::certificate;
use crate::expectation::{Edition, Timeline};
use crate::mount::Mount;
use crate::policies::{VETO, configuration};
use crate::random::Random;
use crate::status::{Status, StatusReader};

/// The time that a change may take. Programs check for changes every second, and compiling is slow
/// on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A change to a running server.
#[derive(Debug, Clone, Copy)]
enum Change {
    OtherConfiguration,
    OtherDirectory,
    OtherModule,
    CopiedModule,
    BrokenConfiguration,
    LockOut,
    BrokenModule,
    Certificate,
    Nothing,
}

const CHANGES: [(Change, &str); 9] = [
    (Change::OtherConfiguration, "other configuration"),
    (
        Change::OtherDirectory,
        "directory swapped for the other edition",
    ),
    (Change::OtherModule, "module replaced by an equivalent one"),
    (Change::CopiedModule, "module overwritten in place"),
    (Change::BrokenConfiguration, "broken configuration"),
    (Change::LockOut, "configuration that locks the cluster out"),
    (Change::BrokenModule, "broken or missing module"),
    (Change::Certificate, "renewed certificate"),
    (Change::Nothing, "reload without a change"),
];

/// Makes random changes, and waits each time until the metrics show the result.
pub struct Changer<'a> {
    target: Target<'a>,
    random: Random,
    /// The remaining changes of this round.
    deck: Vec<(Change, &'static str)>,
    edition: Edition,
    counts: BTreeMap<&'static str, u64>,
}

/// The system under change.
pub struct Target<'a> {
    /// The programs.
    pub running: &'a Running,
    /// The front end.
    pub front_end: FrontEnd,
    /// The files.
    pub mount: &'a mut Mount,
    /// The expected responses.
    pub timeline: &'a Timeline,
    /// The metrics of the policies.
    pub status: &'a StatusReader,
}

impl<'a> Changer<'a> {
    /// Starts with edition `A` in effect. `random` determines the order of changes.
    #[must_use]
    pub fn new(target: Target<'a>, random: Random) -> Self {
        Self {
            target,
            random,
            deck: Vec::new(),
            edition: Edition::A,
            counts: BTreeMap::new(),
        }
    }

    /// Returns the edition in effect, and the number of changes of each kind.
    #[must_use]
    pub fn finish(self) -> (Edition, BTreeMap<&'static str, u64>) {
        (self.edition, self.counts)
    }

    /// Makes changes for `duration`.
    ///
    /// # Errors
    /// If a change has no effect.
    pub async fn run(&mut self, duration: Duration) -> Result<()> {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            let (change, name) = self.next();
            self.make(change).await?;
            *self.counts.entry(name).or_default() += 1;
            self.pause(1000).await;
        }
        Ok(())
    }

    /// Returns the next change. Each occurs once per round.
    fn next(&mut self) -> (Change, &'static str) {
        if self.deck.is_empty() {
            self.deck = CHANGES.to_vec();
            // In process, there is no certificate to renew.
            self.deck.retain(|(change, _)| {
                self.target.front_end == FrontEnd::Webhook || !matches!(change, Change::Certificate)
            });
            self.random.shuffle(&mut self.deck);
        }
        self.deck.pop().unwrap_or(CHANGES[0])
    }

    async fn make(&mut self, change: Change) -> Result<()> {
        match change {
            Change::OtherConfiguration => {
                self.other_edition(|mount, text| mount.configure(text))
                    .await
            }
            Change::OtherDirectory => self.other_edition(|mount, text| mount.swap(text)).await,
            Change::OtherModule => {
                self.other_module(|mount, name| mount.mark_module(name))
                    .await
            }
            Change::CopiedModule => {
                self.other_module(|mount, name| mount.copy_over_module(name))
                    .await
            }
            Change::BrokenConfiguration => {
                let broken = self.broken_configuration();
                self.spoil(|mount| mount.spoil_configuration(&broken)).await
            }
            Change::LockOut => {
                let veto =
                    format!("authorization:\n  modules:\n  - module: ./modules/{VETO}.wasm\n");
                let configuration = self.target.mount.configuration();
                let vetoed = configuration.replace("authorization:\n  modules:\n", &veto);
                self.spoil(|mount| mount.spoil_configuration(&vetoed)).await
            }
            Change::BrokenModule => self.break_module().await,
            Change::Certificate => self.renew_certificate().await,
            Change::Nothing => self.trigger_reload().await,
        }
    }

    /// Changes the edition. Responses of both are right until the metrics show the other one.
    async fn other_edition(
        &mut self,
        put: impl FnOnce(&mut Mount, String) -> Result<()>,
    ) -> Result<()> {
        let next = self.edition.other();
        self.target.timeline.begin_change();
        put(self.target.mount, configuration(next))?;
        self.maybe_trigger_reload().await?;
        self.until("the other edition takes effect", |now| now.has_only(next))
            .await?;
        self.target.timeline.settle(next);
        self.edition = next;
        Ok(())
    }

    /// Replaces a module without a change of responses.
    async fn other_module(
        &mut self,
        put: impl FnOnce(&mut Mount, &str) -> Result<()>,
    ) -> Result<()> {
        let name = self.random_module();
        let before = self.target.status.read().await?.loaded();
        put(self.target.mount, &name)?;
        self.maybe_trigger_reload().await?;
        self.until("the module takes effect", |now| {
            now.loaded() > before && !now.has_failed()
        })
        .await
    }

    async fn break_module(&mut self) -> Result<()> {
        let name = self.random_module();
        let module = self.target.mount.module(&name);
        let half = &module[..module.len() / 2];
        let choices = [
            None,
            Some(&b"not a module"[..]),
            Some(half),
            Some(b"\0asm\x01\0\0\0"),
        ];
        let broken = self.random.pick(&choices).map(<[u8]>::to_vec);
        self.spoil(|mount| mount.spoil_module(&name, broken.as_deref()))
            .await
    }

    /// Breaks the files for a while. The previous policies stay in effect until the files are
    /// restored.
    async fn spoil(&mut self, spoil: impl FnOnce(&Mount) -> Result<()>) -> Result<()> {
        spoil(self.target.mount)?;
        self.maybe_trigger_reload().await?;
        self.until("the broken change is reported", Status::has_failed)
            .await?;
        self.pause(500).await;
        self.target.mount.restore()?;
        self.maybe_trigger_reload().await?;
        self.until("the change is reverted", |now| !now.has_failed())
            .await
    }

    async fn renew_certificate(&mut self) -> Result<()> {
        let directory = self.target.running.directory.path().join("certificates");
        let serial = self.random.below(1000);
        let expiry = certificate::renew(&directory, serial)? as f64;
        self.until("the renewed certificate takes effect", |now| {
            now.certificate_expiry()
                .is_ok_and(|reported| (reported - expiry).abs() < 1.0)
        })
        .await
    }

    /// Triggers a reload half of the time.
    async fn maybe_trigger_reload(&mut self) -> Result<()> {
        if self.random.below(2) == 0 {
            self.trigger_reload().await?;
        }
        Ok(())
    }

    async fn trigger_reload(&mut self) -> Result<()> {
        if self.target.front_end == FrontEnd::Webhook && self.random.below(2) == 0 {
            return self.target.status.reload().await;
        }
        self.target.running.hang_up().await
    }

    async fn until(&self, effect: &str, holds: impl Fn(&Status) -> bool) -> Result<()> {
        let deadline = Instant::now() + TIMEOUT;
        while !holds(&self.target.status.read().await?) {
            ensure!(
                Instant::now() < deadline,
                "timed out after {TIMEOUT:?}: {effect}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Returns the name of a module in use.
    fn random_module(&mut self) -> String {
        let configuration = self.target.mount.configuration();
        let mut names = self.target.mount.names();
        names.retain(|name| configuration.contains(&format!("/{name}.wasm")));
        self.random.pick(&names).clone()
    }

    fn broken_configuration(&mut self) -> String {
        let good = self.target.mount.configuration();
        let choices = [
            "modules: [".to_owned(),
            format!("{good}surprise: true\n"),
            good.replace("/bouncer.wasm", "/missing.wasm"),
            good.replace("200ms", "forever"),
            good[..good.len() / 2].to_owned() + "\n: :\n",
            String::new(),
        ];
        self.random.pick(&choices).clone()
    }

    async fn pause(&mut self, max_milliseconds: u64) {
        let milliseconds = self.random.below(max_milliseconds);
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
}
