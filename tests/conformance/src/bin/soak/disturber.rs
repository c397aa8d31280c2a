//! What changes under load: configuration, modules and certificates, some of them broken.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use conformance::{Door, Running};

use crate::certificate;
use crate::mount::Mount;
use crate::policies::{VETO, configuration};
use crate::random::Random;
use crate::reported::{Reported, Reporter};
use crate::season::{Edition, Season};

/// Changes are looked for every second, and compiling takes its time on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Something that somebody does to a running server.
#[derive(Debug, Clone, Copy)]
enum Change {
    OtherConfiguration,
    OtherFolder,
    OtherModule,
    CopiedModule,
    BrokenConfiguration,
    LockOut,
    BrokenModule,
    Certificate,
    Nothing,
}

const CHANGES: [(Change, &str); 9] = [
    (Change::OtherConfiguration, "another configuration"),
    (
        Change::OtherFolder,
        "the folder swapped for another edition",
    ),
    (Change::OtherModule, "a module replaced by an equal one"),
    (Change::CopiedModule, "a module overwritten in place"),
    (Change::BrokenConfiguration, "a broken configuration"),
    (
        Change::LockOut,
        "a configuration that locks the cluster out",
    ),
    (Change::BrokenModule, "a broken or missing module"),
    (Change::Certificate, "a renewed certificate"),
    (Change::Nothing, "a reload without a change"),
];

/// Changes things at random, and waits each time until it is reported what came of it.
pub struct Disturber<'a> {
    at: Place<'a>,
    random: Random,
    /// What is still to come of this round.
    deck: Vec<(Change, &'static str)>,
    edition: Edition,
    done: BTreeMap<&'static str, u64>,
}

/// What is disturbed.
pub struct Place<'a> {
    /// The programs.
    pub running: &'a Running,
    /// How the API server reaches the policies.
    pub door: Door,
    /// Where the files are.
    pub mount: &'a mut Mount,
    /// Who tells the callers what to expect.
    pub season: &'a Season,
    /// Where changes are seen.
    pub reporter: &'a Reporter,
}

impl<'a> Disturber<'a> {
    /// Begins with the edition `A` in place; `random` says what comes in which order.
    #[must_use]
    pub fn new(at: Place<'a>, random: Random) -> Self {
        Self {
            at,
            random,
            deck: Vec::new(),
            edition: Edition::A,
            done: BTreeMap::new(),
        }
    }

    /// What is in place, and how often what was done.
    #[must_use]
    pub fn done(self) -> (Edition, BTreeMap<&'static str, u64>) {
        (self.edition, self.done)
    }

    /// Goes on for `duration`.
    ///
    /// # Errors
    /// A change has no effect.
    pub async fn disturb(&mut self, duration: Duration) -> Result<()> {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            let (change, name) = self.next();
            self.make(change).await?;
            *self.done.entry(name).or_default() += 1;
            self.pause(1000).await;
        }
        Ok(())
    }

    /// Everything comes by before anything comes again.
    fn next(&mut self) -> (Change, &'static str) {
        if self.deck.is_empty() {
            self.deck = CHANGES.to_vec();
            // Inside of the API server there is no certificate of ours.
            self.deck.retain(|(change, _)| {
                self.at.door == Door::Webhook || !matches!(change, Change::Certificate)
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
            Change::OtherFolder => self.other_edition(|mount, text| mount.swap(text)).await,
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
                let configuration = self.at.mount.configuration();
                let vetoed = configuration.replace("authorization:\n  modules:\n", &veto);
                self.spoil(|mount| mount.spoil_configuration(&vetoed)).await
            }
            Change::BrokenModule => self.break_module().await,
            Change::Certificate => self.renew_certificate().await,
            Change::Nothing => self.ask_for_reload().await,
        }
    }

    /// Both editions are right until the other one is reported, and only that one from then on.
    async fn other_edition(
        &mut self,
        put: impl FnOnce(&mut Mount, String) -> Result<()>,
    ) -> Result<()> {
        let next = self.edition.other();
        self.at.season.change();
        put(self.at.mount, configuration(next))?;
        self.hurry().await?;
        self.until("the other edition is in place", |now| now.is(next))
            .await?;
        self.at.season.settle(next);
        self.edition = next;
        Ok(())
    }

    /// The answers stay the same.
    async fn other_module(
        &mut self,
        put: impl FnOnce(&mut Mount, &str) -> Result<()>,
    ) -> Result<()> {
        let name = self.some_module();
        let before = self.at.reporter.read().await?.loaded();
        put(self.at.mount, &name)?;
        self.hurry().await?;
        self.until("the module is in place", |now| {
            now.loaded() > before && !now.is_stale()
        })
        .await
    }

    async fn break_module(&mut self) -> Result<()> {
        let name = self.some_module();
        let module = self.at.mount.module(&name);
        let half = &module[..module.len() / 2];
        let choices = [
            None,
            Some(&b"no module"[..]),
            Some(half),
            Some(b"\0asm\x01\0\0\0"),
        ];
        let broken = self.random.pick(&choices).map(<[u8]>::to_vec);
        self.spoil(|mount| mount.spoil_module(&name, broken.as_deref()))
            .await
    }

    /// What was in place goes on, and is in place again once the files are.
    async fn spoil(&mut self, spoil: impl FnOnce(&Mount) -> Result<()>) -> Result<()> {
        spoil(self.at.mount)?;
        self.hurry().await?;
        self.until("a broken change is reported", Reported::is_stale)
            .await?;
        self.pause(500).await;
        self.at.mount.restore()?;
        self.hurry().await?;
        self.until("the change is taken back", |now| !now.is_stale())
            .await
    }

    async fn renew_certificate(&mut self) -> Result<()> {
        let folder = self.at.running.directory.path().join("certificates");
        let serial = self.random.below(1000);
        let expiry = certificate::renew(&folder, serial)? as f64;
        self.until("the renewed certificate is in use", |now| {
            now.certificate_expiry()
                .is_ok_and(|reported| (reported - expiry).abs() < 1.0)
        })
        .await
    }

    /// Half of the time, changes are looked for by hand.
    async fn hurry(&mut self) -> Result<()> {
        if self.random.below(2) == 0 {
            self.ask_for_reload().await?;
        }
        Ok(())
    }

    async fn ask_for_reload(&mut self) -> Result<()> {
        if self.at.door == Door::Webhook && self.random.below(2) == 0 {
            return self.at.reporter.reload().await;
        }
        self.at.running.hang_up().await
    }

    async fn until(&self, what: &str, holds: impl Fn(&Reported) -> bool) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !holds(&self.at.reporter.read().await?) {
            ensure!(
                Instant::now() < deadline,
                "it is not so after {PATIENCE:?} that {what}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Of those that are in use.
    fn some_module(&mut self) -> String {
        let configuration = self.at.mount.configuration();
        let mut names = self.at.mount.names();
        names.retain(|name| configuration.contains(&format!("/{name}.wasm")));
        self.random.pick(&names).clone()
    }

    fn broken_configuration(&mut self) -> String {
        let good = self.at.mount.configuration();
        let choices = [
            "modules: [".to_owned(),
            format!("{good}surprise: true\n"),
            good.replace("/bouncer.wasm", "/nobody.wasm"),
            good.replace("200ms", "for ever"),
            good[..good.len() / 2].to_owned() + "\n: :\n",
            String::new(),
        ];
        self.random.pick(&choices).clone()
    }

    async fn pause(&mut self, milliseconds_max: u64) {
        let milliseconds = self.random.below(milliseconds_max);
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
}
